/** Whether this Node can run the program: told before anything is loaded that an older one does not know. */

const LEAST = [22, 18] as const;

/** What is wrong with a version of Node such as `20.19.1`, or null. package.json has the same limit under `engines`. */
export function nodeProblem(version: string): string | null {
  const [major, minor] = version.split('.').map(Number);
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return null;
  return `varve needs Node ${LEAST.join('.')} or later, and this is ${version}`;
}
