/** Appends to the log in the directory it is told, several writers at once, and reports what was acknowledged. */
import { nodeFileSystem } from '../../disk/node-file-system.ts';
import { openWal } from '../open-wal.ts';
import { BATCH } from '../record.ts';

const [directory, firstNumber] = process.argv.slice(2);
let number = Number(firstNumber);
const options = { segmentSizeBytes: 64 * 1024 };
const { wal } = await openWal(nodeFileSystem, directory, options, () => {});

async function write(): Promise<void> {
  for (;;) {
    const mine = number++;
    const lsn = wal.append(BATCH, 1, Buffer.from(`${mine}:${'x'.repeat(mine % 2000)}`));
    await wal.durable(lsn);
    process.send?.(mine);
  }
}
for (let writer = 0; writer < 4; writer++) void write();
