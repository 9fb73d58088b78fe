/** Whether an answer is to be an Arrow IPC stream. Apart from what writes it: that is loaded when it is first needed. */
import { acceptedRanges, inRange } from '../accept.ts';

export const ARROW_TYPE = 'application/vnd.apache.arrow.stream';

/** True when a client names Arrow and does not like JSON better; one that takes anything gets JSON. */
export function wantsArrow(accept: string | null | undefined): boolean {
  if (accept == null || !accept.includes('arrow')) return false;
  for (const range of acceptedRanges(accept)) {
    if (range === ARROW_TYPE) return true;
    if (inRange(range, 'application/json')) return false;
  }
  return false;
}
