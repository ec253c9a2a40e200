import { Histogram } from '../measure/histogram.ts';
import { nodeArgs, OwnedProcess } from '../measure/owned-process.ts';
import type { JoinReport, WindowReport } from './fleet-stats.ts';
import type { PublisherAnswer, PublishTarget, ViewersAnswer, ViewersCommand } from './load-messages.ts';
import type { ViewerTarget } from './viewer.ts';

/** Starts the publisher; resolves when the server accepted its stream. */
export async function startPublisher(target: PublishTarget, core: number | undefined): Promise<OwnedProcess> {
  const publisher = loadProcess('publisher', target, core);
  try {
    const answer = (await publisher.message()) as PublisherAnswer;
    if (answer.done === 'failed') throw new Error(`publishing failed: ${answer.reason}`);
    return publisher;
  } catch (error) {
    await publisher.stop();
    throw error;
  }
}

/** The viewers of a run, spread over one or more processes. */
export class ViewerProcesses {
  readonly #processes: readonly OwnedProcess[];

  constructor(target: ViewerTarget, count: number, core: number | undefined) {
    this.#processes = Array.from({ length: count }, () => loadProcess('viewers', target, core));
  }

  /** Resolves when all processes can take commands. */
  async ready(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.message()));
  }

  /** Lets this many more viewers join; the pace is that of all processes together. */
  async join(viewers: number, joinsPerSecond: number): Promise<JoinReport> {
    const count = this.#processes.length;
    const answers = await this.#askAll((index) => ({
      do: 'join',
      viewers: Math.floor((viewers + index) / count),
      joinsPerSecond: joinsPerSecond / count,
    }));
    return mergeJoins(answers.flatMap((answer) => (answer.done === 'join' ? [answer.report] : [])));
  }

  async begin(): Promise<void> {
    await this.#askAll(() => ({ do: 'begin' }));
  }

  async end(): Promise<WindowReport> {
    const answers = await this.#askAll(() => ({ do: 'end' }));
    return mergeWindows(answers.flatMap((answer) => (answer.done === 'end' ? [answer.report] : [])));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }

  async #askAll(command: (index: number) => ViewersCommand): Promise<ViewersAnswer[]> {
    return Promise.all(
      this.#processes.map((process, index) => {
        process.send(command(index));
        return process.message() as Promise<ViewersAnswer>;
      }),
    );
  }
}

function loadProcess(
  kind: 'publisher' | 'viewers',
  target: PublishTarget,
  core: number | undefined,
): OwnedProcess {
  return new OwnedProcess({
    title: kind,
    command: process.execPath,
    args: nodeArgs(new URL(`${kind}-process.ts`, import.meta.url), JSON.stringify(target)),
    core,
    hasIpc: true,
  });
}

function mergeJoins(reports: readonly JoinReport[]): JoinReport {
  const failures: Record<string, number> = {};
  for (const report of reports) {
    for (const [reason, count] of Object.entries(report.failures)) {
      failures[reason] = (failures[reason] ?? 0) + count;
    }
  }
  return {
    joined: sumOf(reports, (report) => report.joined),
    join: mergeCounts(reports.map((report) => report.join)),
    failures,
  };
}

function mergeWindows(reports: readonly WindowReport[]): WindowReport {
  return {
    socketBytes: sumOf(reports, (report) => report.socketBytes),
    countedBytes: sumOf(reports, (report) => report.countedBytes),
    videoFrames: sumOf(reports, (report) => report.videoFrames),
    latency: mergeCounts(reports.map((report) => report.latency)),
    stalls: sumOf(reports, (report) => report.stalls),
    lostFrames: sumOf(reports, (report) => report.lostFrames),
    repeatedFrames: sumOf(reports, (report) => report.repeatedFrames),
    disconnects: sumOf(reports, (report) => report.disconnects),
    ownCpuShare: sumOf(reports, (report) => report.ownCpuShare),
    ownDelay: mergeCounts(reports.map((report) => report.ownDelay)),
  };
}

function mergeCounts(counts: readonly WindowReport['latency'][]): WindowReport['latency'] {
  const merged = new Histogram();
  for (const part of counts) merged.merge(part);
  return merged.counts();
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
