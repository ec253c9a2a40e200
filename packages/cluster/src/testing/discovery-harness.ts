import type { Clock, Timer } from '@headwater/contracts';
import type { DiscoveryEvent, NodeDiscovery } from '../discovery/node-discovery.ts';
import type { NodeLoad, NodeRecord } from '../node-record.ts';

/** A node that a process of its own announces. */
export interface AnnouncedTestNode {
  /** What its next beats say; resolves when that was sent. */
  say(changes: { readonly isDraining?: boolean; readonly load?: NodeLoad }): Promise<void>;
  /** Ends in good order. */
  leave(): Promise<void>;
  /** Falls silent. */
  crash(): void;
}

/** An empty source of nodes under test, and discoveries of it. */
export interface DiscoveryHarness {
  /** A discovery that is not started and announces nothing; another one at each call. */
  discovery(): NodeDiscovery;
  /** Starts to announce a node; resolves when the source has it. */
  announce(node: NodeRecord): Promise<AnnouncedTestNode>;
  /** Lets time pass for everything that takes part. */
  advance(byMs: number): Promise<void>;
  /** The source stops to answer. */
  breakSource(): Promise<void>;
  /** The source answers again and has forgotten everything. */
  restoreEmptySource(): Promise<void>;
  close(): Promise<void>;
}

/** Makes an empty source for one test. */
export type MakeDiscoveryHarness = () => Promise<DiscoveryHarness>;

/** Lets time pass until that is so, up to `limitMs` of the harness's time. */
export async function passUntil(
  harness: DiscoveryHarness,
  reason: string,
  options: { readonly isMet: () => boolean; readonly limitMs?: number },
): Promise<void> {
  const { isMet, limitMs = 20_000 } = options;
  for (let passedMs = 0; !isMet(); passedMs += 50) {
    if (passedMs > limitMs) throw new Error(`waited in vain for ${reason}`);
    await harness.advance(50);
  }
}

/** The events of a discovery, shortened to what tests compare. */
export class DiscoveryLog {
  readonly heard: string[] = [];

  constructor(discovery: NodeDiscovery) {
    discovery.watch((event) => this.heard.push(describeEvent(event)));
  }
}

/** The machine's clock. */
export const machineClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  every: (periodMs, run) => {
    const timer = setInterval(run, periodMs);
    return { cancel: () => clearInterval(timer) };
  },
};

/** A clock of one process, which can stop for good while others go on. */
export class StoppableClock implements Clock {
  readonly #within: Clock;
  #isStopped = false;

  constructor(within: Clock) {
    this.#within = within;
  }

  stop(): void {
    this.#isStopped = true;
  }

  nowMs(): number {
    return this.#within.nowMs();
  }

  wallMs(): number {
    return this.#within.wallMs();
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#within.after(delayMs, this.#unlessStopped(run));
  }

  every(periodMs: number, run: () => void): Timer {
    return this.#within.every(periodMs, this.#unlessStopped(run));
  }

  #unlessStopped(run: () => void): () => void {
    return () => {
      if (!this.#isStopped) run();
    };
  }
}

function describeEvent(event: DiscoveryEvent): string {
  return 'node' in event ? `${event.type} ${event.node.incarnation}` : event.type;
}
