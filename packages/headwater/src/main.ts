#!/usr/bin/env node
import { runProgram } from './cli/program.ts';

/** What a command that has ended may still need, e.g. to close a connection. */
const lingerMs = 2000;

process.exitCode = await runProgram(process.argv.slice(2));
// Does not keep the process, but ends it when something that was left open would.
setTimeout(() => process.exit(), lingerMs).unref();
