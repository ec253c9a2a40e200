// Looks at a process from outside, through /proc: resident memory and open descriptors.
import { readdirSync, readFileSync } from 'node:fs';

const samplePeriodMs = 50;

/** Resident memory in MiB; undefined when the process is gone. */
export function residentMiB(pid: number): number | undefined {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? undefined : Number(line[1]) / 1024;
  } catch {
    return undefined;
  }
}

/** Number of open descriptors; undefined when the process is gone. */
export function openDescriptors(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

/** Samples a process's memory until stopped. */
export class MemoryWatch {
  peakMiB: number;
  readonly startMiB: number;
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#pid = pid;
    this.startMiB = residentMiB(pid) ?? 0;
    this.peakMiB = this.startMiB;
    this.#timer = setInterval(() => this.#sample(), samplePeriodMs);
  }

  /** Stops sampling and returns how much the peak was above the start. */
  stop(): number {
    clearInterval(this.#timer);
    this.#sample();
    return Math.max(0, this.peakMiB - this.startMiB);
  }

  #sample(): void {
    this.peakMiB = Math.max(this.peakMiB, residentMiB(this.#pid) ?? 0);
  }
}
