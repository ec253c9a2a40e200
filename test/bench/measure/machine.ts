import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Which cores the measured server and the load run on; undefined: wherever the kernel likes. */
export interface CorePlan {
  readonly server: number | undefined;
  readonly load: number | undefined;
}

/** Reads a list of cores such as `0-3,8`. */
export function parseCoreList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
    });
}

/** One core for the server and another for the load, when there are two and `taskset` to bind them. */
export function planCores(): CorePlan {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const [server, load] = parseCoreList(list);
  if (load === undefined || !hasTaskset()) return { server: undefined, load: undefined };
  return { server, load };
}

/** What the figures were measured on, for the record. */
export function describeMachine(): Record<string, string | number> {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release().split('-')[0] ?? ''}`,
    node: process.version,
  };
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
