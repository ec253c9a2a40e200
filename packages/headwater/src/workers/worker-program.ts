// What the programs of all workers have in common. The node says everything that a worker is to know in its first message.
import { once } from 'node:events';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { openProgramLog, type ProgramLog, type ProgramLogOptions } from '../program-log.ts';
import type { NodeMessage } from './worker-messages.ts';

/** A worker's log, and its way out: whatever it ends for, the last lines leave before it. */
export interface WorkerProgram {
  readonly log: ProgramLog;
  readonly end: (code: ExitCode) => Promise<never>;
}

/** Resolves with the node's first message. The process ends at once when the node is gone. */
export async function workerSetup(): Promise<unknown> {
  process.once('disconnect', () => process.exit(exitCode.fault));
  // A terminal signals all processes of a program; what they come to is the node's to decide.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const [message] = (await once(process, 'message')) as [NodeMessage];
  if (message.type !== 'setup') throw new Error(`a worker begins with its setup, not with ${message.type}`);
  return message.setup;
}

/** Opens the log. What nobody catches ends the process from now on. */
export async function workerProgram(options: ProgramLogOptions): Promise<WorkerProgram> {
  const log = await openProgramLog(options);
  const end = async (code: ExitCode): Promise<never> => {
    await log.drained();
    return process.exit(code);
  };
  for (const fault of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(fault, (error: unknown) => {
      log.fatal({ err: error }, fault === 'uncaughtException' ? 'uncaught exception' : 'unhandled rejection');
      void end(exitCode.fault);
    });
  }
  return { log, end };
}
