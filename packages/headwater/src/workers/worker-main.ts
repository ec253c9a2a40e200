// The program of a worker. The node says everything that it is to know in its first message.
import { once } from 'node:events';
import { exitCode } from '../exit-code.ts';
import { openProgramLog } from '../program-log.ts';
import { WorkerNode } from './worker-node.ts';
import type { NodeMessage } from './worker-messages.ts';

process.once('disconnect', () => process.exit(exitCode.fault));
// A terminal signals all processes of a program; what they come to is the node's to decide.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const [message] = (await once(process, 'message')) as [NodeMessage];
if (message.type !== 'setup') throw new Error(`a worker begins with its setup, not with ${message.type}`);
const { setup } = message;
const log = await openProgramLog({
  ...setup.config.log,
  fields: { nodeId: setup.node.nodeId, worker: setup.worker },
});
const end = async (code: number): Promise<never> => {
  await log.drained();
  return process.exit(code);
};
for (const fault of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(fault, (error: unknown) => {
    log.fatal({ err: error }, fault === 'uncaughtException' ? 'uncaught exception' : 'unhandled rejection');
    void end(exitCode.fault);
  });
}
// Until it is ready the node sends it nothing else.
const worker = new WorkerNode(setup, log, () => void end(exitCode.ok));
await worker.start();
