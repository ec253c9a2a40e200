// How many cores the system gives this process. Node counts those it may run on, and from version 22 on also what a control
// group limits it to; this looks at both for every version, as containers and service managers limit by control groups.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

const groups = '/sys/fs/cgroup';

/** Reads a file; undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

/** Whole cores, at least one. */
export function availableCores(usable: number = availableParallelism(), read: ReadText = readText): number {
  return Math.max(1, Math.min(usable, Math.floor(cgroupCores(read))));
}

// Version 2 of control groups: each level may limit those below it. A container sees its own group as the top.
function cgroupCores(read: ReadText): number {
  const own = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  let cores = Infinity;
  for (let group = own; ; group = dirname(group)) {
    cores = Math.min(cores, coresOfQuota(read(join(groups, group, 'cpu.max')) ?? ''));
    if (dirname(group) === group) return cores;
  }
}

// `MAX PERIOD`, both in µs; `max` is no limit.
function coresOfQuota(text: string): number {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return Infinity;
  return quota / period;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
