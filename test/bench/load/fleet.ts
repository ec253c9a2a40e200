import { setTimeout as sleep } from 'node:timers/promises';
import { Histogram } from '../measure/histogram.ts';
import { nowUs } from '../measure/monotonic-clock.ts';
import { FleetStats, type JoinReport, type WindowReport } from './fleet-stats.ts';
import { Viewer, type ViewerTarget } from './viewer.ts';

const JOIN_DEADLINE_MS = 10_000;
const JOIN_TICK_MS = 2;
const DELAY_TICK_MS = 20;

/** The viewers of one load process. */
export class Fleet {
  readonly #target: ViewerTarget;
  readonly #stats = new FleetStats();
  readonly #viewers: Viewer[] = [];
  readonly #ownDelay = new Histogram();
  #windowStartedUs = 0;
  #cpuBefore: NodeJS.CpuUsage = process.cpuUsage();

  constructor(target: ViewerTarget) {
    this.#target = target;
    this.#watchOwnDelay();
  }

  /** Connects this many more viewers at an even pace; resolves when each has a keyframe or failed, or at a deadline. */
  async join(viewers: number, joinsPerSecond: number): Promise<JoinReport> {
    const startedUs = nowUs();
    const before = this.#viewers.length;
    while (this.#viewers.length < before + viewers) {
      const due = before + Math.min(viewers, Math.ceil(((nowUs() - startedUs) / 1e6) * joinsPerSecond));
      while (this.#viewers.length < due) this.#viewers.push(new Viewer(this.#target, this.#stats));
      await sleep(JOIN_TICK_MS);
    }
    const deadlineUs = nowUs() + JOIN_DEADLINE_MS * 1000;
    while (nowUs() < deadlineUs && !this.#viewers.every((viewer) => viewer.isSettled)) await sleep(10);
    const late = this.#viewers.filter((viewer) => !viewer.isSettled).length;
    const failures = Object.fromEntries(this.#stats.failures);
    if (late > 0) failures['no keyframe in time'] = late;
    return { joined: this.#stats.joined, join: this.#stats.join.counts(), failures };
  }

  /** Starts a measuring window. */
  begin(): void {
    this.#stats.clear();
    this.#ownDelay.clear();
    for (const viewer of this.#viewers) viewer.begin();
    this.#windowStartedUs = nowUs();
    this.#cpuBefore = process.cpuUsage();
  }

  /** Ends the window that `begin` started. */
  end(): WindowReport {
    const own = process.cpuUsage(this.#cpuBefore);
    const lastedUs = nowUs() - this.#windowStartedUs;
    const stats = this.#stats;
    let socketBytes = 0;
    let framingBytes = 0;
    for (const viewer of this.#viewers) {
      socketBytes += viewer.socketBytes;
      framingBytes += viewer.framingBytes;
    }
    return {
      socketBytes,
      countedBytes: stats.countedBytes + framingBytes,
      videoFrames: stats.videoFrames,
      latency: stats.latency.counts(),
      stalls: stats.stalls,
      lostFrames: stats.lostFrames,
      repeatedFrames: stats.repeatedFrames,
      disconnects: stats.disconnects,
      ownCpuShare: (own.user + own.system) / lastedUs,
      ownDelay: this.#ownDelay.counts(),
    };
  }

  /** A timer that is late tells how long bytes may have waited for this process. */
  #watchOwnDelay(): void {
    let dueUs = nowUs() + DELAY_TICK_MS * 1000;
    setInterval(() => {
      const now = nowUs();
      this.#ownDelay.add(now - dueUs);
      dueUs = now + DELAY_TICK_MS * 1000;
    }, DELAY_TICK_MS);
  }
}
