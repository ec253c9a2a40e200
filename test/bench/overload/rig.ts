// A node with one stream and its viewers: what they get, and what the node's core does meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import type { JoinReport, WindowReport } from '../load/fleet-stats.ts';
import { startPublisher, ViewerProcesses } from '../load/load-processes.ts';
import { FRAMES_PER_SECOND, type StreamRate } from '../load/synthetic-stream.ts';
import type { ViewerFormat } from '../load/viewer.ts';
import { Histogram } from '../measure/histogram.ts';
import { readLoopLagMs } from '../measure/loop-lag.ts';
import { planCores } from '../measure/machine.ts';
import { usageOf } from '../measure/process-usage.ts';
import { APP, LOOPBACK, STREAM } from '../servers/contender.ts';
import { headwater } from '../servers/headwater.ts';
import { withServer, type MeasuredServer } from '../servers/with-server.ts';

/** The stream, and how it is watched. */
export interface Load {
  readonly rate: StreamRate;
  readonly format: ViewerFormat;
  readonly joinsPerSecond: number;
}

/** A measuring window. */
export interface Figures extends Pick<WindowReport, 'stalls' | 'lostFrames' | 'disconnects'> {
  /** CPU time of the node, as a share of the window. */
  readonly nodeShare: number;
  /** What viewers read in a second. */
  readonly megabits: number;
  /** Video frames that arrived, as a share of what all viewers who joined should have got. */
  readonly deliveredShare: number;
  readonly latencyP99Ms: number;
  readonly loopLagP99Ms: number;
  readonly generatorShare: number;
}

/** Each frame is written to each viewer: the most work for every byte. */
const QUERY = '?latency=low';
/** More than one GOP, so that a GOP cache is full when viewers come. */
const WARM_UP_MS = 2_600;
/** Until what the last ones began with is delivered. */
const SETTLE_MS = 1_500;
const WINDOW_SECONDS = 4;

/** The node with its stream. */
export class OverloadRig {
  readonly #measured: MeasuredServer;
  readonly #viewers: ViewerProcesses;
  readonly #load: Load;
  #joined = 0;

  private constructor(measured: MeasuredServer, viewers: ViewerProcesses, load: Load) {
    this.#measured = measured;
    this.#viewers = viewers;
    this.#load = load;
  }

  /** Starts everything, with these settings of the node, and ends it when `run` has settled. */
  static async with<T>(
    load: Load,
    settings: readonly string[],
    run: (rig: OverloadRig) => Promise<T>,
  ): Promise<T> {
    const { rate, format } = load;
    const cores = planCores();
    const contender = headwater({ name: 'headwater', settings, latencyClass: () => 'each frame' });
    return withServer({ contender, rate, cores }, async (measured) => {
      const { server } = measured;
      const where = { host: LOOPBACK, app: APP, name: STREAM, rate };
      const port = server.ports[format] ?? 0;
      const viewers = measured.own(
        new ViewerProcesses({ ...where, port, format, query: QUERY }, 1, cores.load),
      );
      await viewers.ready();
      measured.own(await startPublisher({ ...where, port: server.ports.rtmp ?? 0 }, cores.load));
      await sleep(WARM_UP_MS);
      return server.process.orDeath(run(new OverloadRig(measured, viewers, load)));
    });
  }

  /** So many more come; resolves when each has a picture, or an answer. Failures are counted since the start. */
  async join(viewers: number): Promise<JoinReport> {
    const report = await this.#viewers.join(viewers, this.#load.joinsPerSecond);
    this.#joined = report.joined;
    await sleep(SETTLE_MS);
    return report;
  }

  /** Watches for some seconds, or for as long as something takes. */
  async watch(
    meanwhile: () => Promise<unknown> = async () => sleep(WINDOW_SECONDS * 1000),
  ): Promise<Figures> {
    const { pid } = this.#measured.server.process;
    const joined = this.#joined;
    await readLoopLagMs(this.#measured.directory);
    await this.#viewers.begin();
    const startedMs = performance.now();
    const before = usageOf(pid);
    await meanwhile();
    const after = usageOf(pid);
    const seconds = (performance.now() - startedMs) / 1000;
    const window = await this.#viewers.end();
    const latency = new Histogram();
    latency.merge(window.latency);
    const cpuSeconds = after.userSeconds - before.userSeconds + after.systemSeconds - before.systemSeconds;
    return {
      stalls: window.stalls,
      lostFrames: window.lostFrames,
      disconnects: window.disconnects,
      nodeShare: cpuSeconds / seconds,
      megabits: (window.socketBytes * 8) / 1e6 / seconds,
      deliveredShare: window.videoFrames / (joined * seconds * FRAMES_PER_SECOND),
      latencyP99Ms: latency.quantileMs(0.99),
      loopLagP99Ms: await readLoopLagMs(this.#measured.directory),
      generatorShare: window.ownCpuShare,
    };
  }

  /** How often the node said that it has no room, by the limit that it named. */
  async refusals(): Promise<Readonly<Record<string, number>>> {
    const response = await fetch(`${this.#measured.server.adminUrl ?? ''}/metrics`);
    const counted = /^headwater_play_overload_refusals_total\{limit="([^"]+)"\} (\d+)$/gm;
    return Object.fromEntries(
      Array.from((await response.text()).matchAll(counted), ([, limit = '', count]) => [
        limit,
        Number(count),
      ]),
    );
  }
}
