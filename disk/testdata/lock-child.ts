/** Takes the lock of the directory it is told, says whether it got it, and waits to be killed. */
import { lockDirectory } from '../lock-file.ts';
import { nodeFileSystem } from '../node-file-system.ts';

let won = true;
try {
  lockDirectory(nodeFileSystem, process.argv[2]);
} catch {
  won = false;
}
process.send?.(won);
setInterval(() => {}, 1000);
