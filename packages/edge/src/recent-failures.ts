import type { Clock } from '@headwater/contracts';

// As long as a substitute is kept before the owner is tried again: nobody is asked much more often than that.
const memoryMs = 10_000;

/** The nodes that did not deliver a moment ago. */
export class RecentFailures {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** Their ids. */
  get nodeIds(): ReadonlySet<string> {
    const nowMs = this.#clock.nowMs();
    for (const [nodeId, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(nodeId);
    return new Set(this.#untilMs.keys());
  }

  add(nodeId: string): void {
    this.#untilMs.set(nodeId, this.#clock.nowMs() + memoryMs);
  }

  /** The node delivers. */
  forget(nodeId: string): void {
    this.#untilMs.delete(nodeId);
  }

  clear(): void {
    this.#untilMs.clear();
  }
}
