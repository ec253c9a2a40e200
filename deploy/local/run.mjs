#!/usr/bin/env node
// The entry behind every npm script: brings a bare checkout into a state in which the command can run, then runs it.
// Needs nothing but Node and npm. Says nothing on stdout by itself, so that the program's own output stays clean.
import { checkNodeVersion } from './node-version.mjs';

// First of all, and before anything is loaded that an old Node could not even parse.
checkNodeVersion();

const [command = '', ...args] = process.argv.slice(2);
const { commands, usage } = await import('./commands.mjs');
const run = commands.get(command);
if (run === undefined) {
  console.error(`unknown command '${command}'\n${usage}`);
  process.exitCode = 2;
} else {
  try {
    await run(args);
  } catch (error) {
    const { StepFailed } = await import('./step.mjs');
    if (!(error instanceof StepFailed)) throw error;
    console.error(`headwater: ${error.message}`);
    process.exitCode = 1;
  }
}
