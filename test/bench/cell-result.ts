import type { BenchOptions } from './bench-options.ts';
import type { JoinReport, WindowReport } from './load/fleet-stats.ts';
import { FRAMES_PER_SECOND, type StreamRate } from './load/synthetic-stream.ts';
import type { ViewerFormat } from './load/viewer.ts';
import { Histogram, type HistogramCounts } from './measure/histogram.ts';
import type { ProcessUsage } from './measure/process-usage.ts';
import type { Contender, LatencyClass } from './servers/contender.ts';

/** The server's usage without viewers, and before and after the measuring window. */
export interface Usages {
  readonly idle: ProcessUsage;
  /** When only this many viewers were there. */
  readonly some: { readonly viewers: number; readonly usage: ProcessUsage };
  readonly before: ProcessUsage;
  readonly after: ProcessUsage;
  /** What the server's core was busy in the window, with whatever ran on it. */
  readonly busySeconds: number;
  /** See `readLoopLagMs`. */
  readonly loopLagP99Ms: number;
}

/** The figures of one measurement; docs/benchmarks.md says what each means. */
export interface CellResult {
  readonly server: string;
  readonly latencyClass: LatencyClass;
  readonly format: ViewerFormat;
  readonly rate: StreamRate;
  readonly viewers: number;
  readonly joined: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly cpuSecondsPerGb: number;
  readonly userSecondsPerGb: number;
  readonly systemSecondsPerGb: number;
  readonly serverCoreShare: number;
  readonly kilobytesPerViewer: number;
  readonly kilobytesPerFurtherViewer: number;
  readonly joinP50Ms: number;
  readonly joinP99Ms: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  /** NaN for servers that are not Node. */
  readonly loopLagP99Ms: number;
  readonly deliveredBytes: number;
  /** Delivered video frames as a share of what the joined viewers should have got. */
  readonly deliveredShare: number;
  readonly stalls: number;
  readonly lostFrames: number;
  readonly repeatedFrames: number;
  readonly disconnects: number;
  readonly generatorCpuShare: number;
  readonly generatorDelayP99Ms: number;
  /** Other processes' use of the server's core, as a share of the window. */
  readonly otherCpuShare: number;
  /** How far the two ways of counting delivered bytes are apart, as a share. */
  readonly countDifference: number;
  /** Why these figures should not be trusted, if so. */
  readonly warnings: readonly string[];
}

/** All that was observed in one measurement. */
export interface CellObservation {
  readonly contender: Pick<Contender, 'name' | 'latencyClass'>;
  readonly format: ViewerFormat;
  readonly options: BenchOptions;
  readonly join: JoinReport;
  readonly window: WindowReport;
  readonly usages: Usages;
}

const GENERATOR_LIMIT = 0.6;
const OTHER_LIMIT = 0.1;
/** The two ways of counting may differ by this share. */
const COUNT_TOLERANCE = 0.01;

/** Turns observations into figures. */
export function summarise(observation: CellObservation): CellResult {
  const { contender, format, options, join, window, usages } = observation;
  const { idle, some, before, after, busySeconds, loopLagP99Ms } = usages;
  const gigabytes = window.socketBytes / 1e9;
  const userSeconds = after.userSeconds - before.userSeconds;
  const systemSeconds = after.systemSeconds - before.systemSeconds;
  const joins = histogramOf(join.join);
  const latency = histogramOf(window.latency);
  const figures = {
    server: contender.name,
    latencyClass: contender.latencyClass(options.viewers),
    format,
    rate: options.rate,
    viewers: options.viewers,
    joined: join.joined,
    failures: join.failures,
    cpuSecondsPerGb: (userSeconds + systemSeconds) / gigabytes,
    userSecondsPerGb: userSeconds / gigabytes,
    systemSecondsPerGb: systemSeconds / gigabytes,
    serverCoreShare: (userSeconds + systemSeconds) / options.seconds,
    kilobytesPerViewer: (after.residentBytes - idle.residentBytes) / 1000 / options.viewers,
    kilobytesPerFurtherViewer:
      (after.residentBytes - some.usage.residentBytes) / 1000 / (options.viewers - some.viewers),
    joinP50Ms: joins.quantileMs(0.5),
    joinP99Ms: joins.quantileMs(0.99),
    latencyP50Ms: latency.quantileMs(0.5),
    latencyP99Ms: latency.quantileMs(0.99),
    loopLagP99Ms,
    deliveredBytes: window.socketBytes,
    deliveredShare: window.videoFrames / (join.joined * options.seconds * FRAMES_PER_SECOND),
    stalls: window.stalls,
    lostFrames: window.lostFrames,
    repeatedFrames: window.repeatedFrames,
    disconnects: window.disconnects,
    generatorCpuShare: window.ownCpuShare / options.generators,
    generatorDelayP99Ms: histogramOf(window.ownDelay).quantileMs(0.99),
    otherCpuShare: Math.max(0, busySeconds - userSeconds - systemSeconds) / options.seconds,
    countDifference: Math.abs(window.countedBytes / window.socketBytes - 1),
  };
  return { ...figures, warnings: warningsOf(figures) };
}

/** Whether there are results, and the two ways of counting agree in all. */
export function areTrustworthy(results: readonly CellResult[]): boolean {
  return results.length > 0 && results.every((result) => result.countDifference <= COUNT_TOLERANCE);
}

function warningsOf(figures: Omit<CellResult, 'warnings'>): string[] {
  const warnings: string[] = [];
  if (figures.generatorCpuShare > GENERATOR_LIMIT) {
    warnings.push(
      `the load generator used ${percent(figures.generatorCpuShare)} of a core: it may be the limit`,
    );
  }
  if (figures.otherCpuShare > OTHER_LIMIT) {
    warnings.push(`other processes used ${percent(figures.otherCpuShare)} of the server's core`);
  }
  if (!(figures.countDifference <= COUNT_TOLERANCE)) {
    warnings.push(`bytes counted in two ways differ by ${percent(figures.countDifference)}`);
  }
  for (const [reason, count] of Object.entries(figures.failures)) {
    warnings.push(`${String(count)} viewers could not join: ${reason}`);
  }
  if (figures.disconnects > 0) warnings.push(`${String(figures.disconnects)} viewers were disconnected`);
  return warnings;
}

function histogramOf(counts: HistogramCounts): Histogram {
  const histogram = new Histogram();
  histogram.merge(counts);
  return histogram;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
