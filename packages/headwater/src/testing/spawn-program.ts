// The program in a process of its own, straight from its source.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A started program. */
export interface SpawnedProgram {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly exited: Promise<number | null>;
}

/** Starts it with arguments of its own, and of Node. */
export function spawnProgram(
  args: readonly string[],
  options: { readonly nodeArgs?: readonly string[] } = {},
): SpawnedProgram {
  const nodeArgs = ['--conditions=source', '--import', 'tsx', ...(options.nodeArgs ?? [])];
  const child = spawn(process.execPath, [...nodeArgs, main, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, output, exited };
}

/** Runs it to its end. */
export async function runToEnd(
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { output, exited } = spawnProgram(args);
  return { code: await exited, ...output };
}
