/**
 * Whether the disk is too full for writes. A disk that does not tell how full it is changes nothing: writes tell when it is.
 */
import { refusesWrites } from '../retention/space-guard.ts';
import type { ResolvedOptions } from './options.ts';

export class SpaceWatch {
  /** Why writes are refused while the disk is nearly full; null while it is not. */
  refusal: string | null = null;
  private readonly options: ResolvedOptions;
  /** The last look failed, which was complained of. */
  private isUnknown = false;

  constructor(options: ResolvedOptions) {
    this.options = options;
  }

  /** Looks at the free space. Whether it has become short since the last look. */
  look(): boolean {
    const { dataDir, reserveBytes, log } = this.options;
    const freeBytes = this.freeBytes();
    if (freeBytes === null) return false;
    const isShort = refusesWrites(freeBytes, reserveBytes, this.refusal !== null);
    if (isShort === (this.refusal !== null)) return false;
    if (isShort) {
      this.refusal = `cannot take writes: ${freeBytes} bytes are free on the disk of ${dataDir}, and ${reserveBytes} are kept in reserve`;
      log('error', `${this.refusal}; reading goes on`);
    } else {
      this.refusal = null;
      log('info', 'taking writes again', { freeBytes });
    }
    return isShort;
  }

  private freeBytes(): number | null {
    const { fs, dataDir, log } = this.options;
    try {
      const bytes = fs.freeBytes(dataDir);
      this.isUnknown = false;
      return bytes;
    } catch (error) {
      if (!this.isUnknown) log('error', `cannot learn how full the disk is: ${(error as Error).message}`);
      this.isUnknown = true;
      return null;
    }
  }
}
