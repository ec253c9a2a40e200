import { busiestSeconds, type ProcessUsage } from '../measure/process-usage.ts';
import type { PublishersReport } from './ingest-messages.ts';
import type { IngestOptions } from './ingest-options.ts';

/** The figures of one measurement; docs/benchmarks.md says what each means. */
export interface IngestResult {
  readonly server: string;
  readonly publishers: number;
  readonly coreSharePerPublisher: number;
  readonly userSharePerPublisher: number;
  readonly systemSharePerPublisher: number;
  readonly microsecondsPerMessage: number;
  readonly kilobytesPerPublisher: number;
  readonly serverCoreShare: number;
  /** Of the process of the server that was busiest. */
  readonly busiestCoreShare: number;
  readonly bitsPerSecondAndPublisher: number;
  readonly generatorCpuShare: number;
  readonly otherCpuShare: number;
  /** Why these figures should not be trusted, if so. */
  readonly warnings: readonly string[];
}

/** What was seen in the window. */
export interface IngestWindow {
  readonly before: ProcessUsage;
  readonly after: ProcessUsage;
  readonly report: PublishersReport;
  readonly unreadBytes: number;
  /** What the server's core was busy, with whatever ran on it. */
  readonly busySeconds: number;
}

/** All that was observed in one measurement. */
export interface IngestObservation extends IngestWindow {
  readonly server: string;
  readonly options: IngestOptions;
  /** The server's usage without publishers. */
  readonly idle: ProcessUsage;
}

const GENERATOR_LIMIT = 0.8;
const OTHER_LIMIT = 0.1;
const LATE_LIMIT_MS = 500;
/** A server that reads everything leaves less than this share of a window's bytes lying about. */
const UNREAD_LIMIT = 0.02;

/** Turns observations into figures. */
export function summariseIngest(observation: IngestObservation): IngestResult {
  const { server, options, idle, before, after, report, busySeconds } = observation;
  const { publishers, seconds } = options;
  const userSeconds = after.userSeconds - before.userSeconds;
  const systemSeconds = after.systemSeconds - before.systemSeconds;
  const cpuSeconds = userSeconds + systemSeconds;
  const otherCpuShare = Math.max(0, busySeconds - cpuSeconds) / seconds;
  return {
    server,
    publishers,
    coreSharePerPublisher: cpuSeconds / seconds / publishers,
    userSharePerPublisher: userSeconds / seconds / publishers,
    systemSharePerPublisher: systemSeconds / seconds / publishers,
    microsecondsPerMessage: (cpuSeconds * 1e6) / report.messages,
    kilobytesPerPublisher: (after.residentBytes - idle.residentBytes) / 1000 / publishers,
    serverCoreShare: cpuSeconds / seconds,
    busiestCoreShare: busiestSeconds(before, after) / seconds,
    bitsPerSecondAndPublisher: (report.bytes * 8) / seconds / publishers,
    generatorCpuShare: report.ownCpuShare,
    otherCpuShare,
    warnings: warningsOf(observation, otherCpuShare),
  };
}

function warningsOf({ report, unreadBytes }: IngestObservation, otherCpuShare: number): string[] {
  const warnings: string[] = [];
  const waiting = (report.unsentBytes + unreadBytes) / report.bytes;
  if (waiting > UNREAD_LIMIT) {
    warnings.push(`the server has not read ${percent(waiting)} of what was sent: it does not keep up`);
  }
  if (report.disconnects > 0) warnings.push(`${String(report.disconnects)} publishers were disconnected`);
  if (report.ownCpuShare > GENERATOR_LIMIT || report.worstDelayMs > LATE_LIMIT_MS) {
    const late = `${report.worstDelayMs.toFixed(0)} ms late`;
    warnings.push(`the load generator used ${percent(report.ownCpuShare)} of a core and was up to ${late}`);
  }
  if (otherCpuShare > OTHER_LIMIT) {
    warnings.push(`other processes used ${percent(otherCpuShare)} of the server's core`);
  }
  return warnings;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
