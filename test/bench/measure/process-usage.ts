// CPU time and memory of a process with all its threads and children, from /proc (proc(5)).
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second towards user space, whatever its own tick is. */
const TICKS_PER_SECOND = 100;

/** CPU seconds and resident memory of a process tree at one moment. */
export interface ProcessUsage {
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly residentBytes: number;
  /** CPU seconds of each process of the tree, by its id. */
  readonly byProcess: ReadonlyMap<number, number>;
}

/** The fields of /proc/PID/stat that are used here. */
export interface ProcessStat {
  readonly parentPid: number;
  readonly userTicks: number;
  readonly systemTicks: number;
}

/** Reads one line of /proc/PID/stat; the command's name may hold spaces and parentheses. */
export function parseProcessStat(line: string): ProcessStat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { parentPid: Number(fields[1]), userTicks: Number(fields[11]), systemTicks: Number(fields[12]) };
}

/** Usage of a process and of its living descendants. Throws when the process is gone. */
export function usageOf(pid: number): ProcessUsage {
  const stats = readAllStats();
  if (!stats.has(pid)) throw new Error(`process ${String(pid)} is gone`);
  let userTicks = 0;
  let systemTicks = 0;
  let residentBytes = 0;
  const byProcess = new Map<number, number>();
  for (const member of treeOf(pid, stats)) {
    const { userTicks: user, systemTicks: system } = stats.get(member) ?? { userTicks: 0, systemTicks: 0 };
    userTicks += user;
    systemTicks += system;
    byProcess.set(member, (user + system) / TICKS_PER_SECOND);
    residentBytes += readResidentBytes(member);
  }
  return {
    userSeconds: userTicks / TICKS_PER_SECOND,
    systemSeconds: systemTicks / TICKS_PER_SECOND,
    residentBytes,
    byProcess,
  };
}

/** CPU seconds of the process that was busiest between two looks at a tree. */
export function busiestSeconds(before: ProcessUsage, after: ProcessUsage): number {
  const spent = [...after.byProcess].map(([pid, seconds]) => seconds - (before.byProcess.get(pid) ?? 0));
  return Math.max(0, ...spent);
}

/** Seconds that a core spent on any process (user, nice and system time), from /proc/stat. */
export function coreBusySeconds(core: number): number {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`cpu${String(core)} `));
  const [user = 0, nice = 0, system = 0] = (line ?? '').split(/\s+/).slice(1).map(Number);
  return (user + nice + system) / TICKS_PER_SECOND;
}

function treeOf(root: number, stats: ReadonlyMap<number, ProcessStat>): number[] {
  const members = [root];
  for (const member of members) {
    for (const [pid, stat] of stats) {
      if (stat.parentPid === member) members.push(pid);
    }
  }
  return members;
}

function readAllStats(): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = readIfThere(`/proc/${name}/stat`);
    if (line !== undefined) stats.set(Number(name), parseProcessStat(line));
  }
  return stats;
}

function readResidentBytes(pid: number): number {
  const status = readIfThere(`/proc/${String(pid)}/status`) ?? '';
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Processes may end between listing and reading. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
