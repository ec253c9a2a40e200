// The program of a worker that serves viewers.
import { exitCode } from '../exit-code.ts';
import { applyHeapSettings } from '../heap-settings.ts';
import { WorkerNode } from './worker-node.ts';
import type { WorkerSetup } from './worker-messages.ts';
import { workerProgram, workerSetup } from './worker-program.ts';

applyHeapSettings();
const setup = (await workerSetup()) as WorkerSetup;
const { log, end } = await workerProgram({
  ...setup.config.log,
  fields: { nodeId: setup.node.nodeId, worker: setup.worker },
});
// Until it is ready the node sends it nothing else.
const worker = new WorkerNode(setup, log, () => void end(exitCode.ok));
await worker.start();
