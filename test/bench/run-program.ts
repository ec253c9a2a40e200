import { say } from './run-rounds.ts';

/**
 * Runs a program of the bench; a failure is told, and makes its exit code 1. The process ends with it: sockets that were reset
 * in the middle of things keep Node 20 from ending by itself.
 */
export function runProgram(main: () => Promise<void>): void {
  // Exiting ends whatever the bench has started.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  main()
    .catch((error: unknown) => {
      say(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    })
    .finally(() => process.exit());
}
