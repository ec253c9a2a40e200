import { say } from './run-rounds.ts';

/** Runs a program of the bench; a failure is told, and makes its exit code 1. */
export function runProgram(main: () => Promise<void>): void {
  // Exiting ends whatever the bench has started.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  main().catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
}
