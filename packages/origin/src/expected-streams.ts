// The registry tells everybody at once who got a stream, and edges may hear of it before its owner has the answer to its
// own claim: most of all the edge of the same node, whose pulls take no time. They wait here for the owner to hear it, too.
import type { Clock, Counter, StreamKey, Timer } from '@headwater/contracts';

// The answer is on its way. Less than any puller waits for its own, and about the pause after which an edge asks again.
const answerMs = 80;

interface Expected {
  readonly timer: Timer;
  readonly waiting: (() => void)[];
}

/** The streams that are this node's by the registry's word, and not open yet. */
export class ExpectedStreams {
  readonly #clock: Clock;
  readonly #early: Counter;
  readonly #streams = new Map<StreamKey, Expected>();

  /** `early` counts the pulls that waited, by `outcome`: `served` or `late`. */
  constructor(clock: Clock, early: Counter) {
    this.#clock = clock;
    this.#early = early;
  }

  /** The registry says that the stream is this node's. */
  expect(key: StreamKey): void {
    if (this.#streams.has(key)) return;
    const timer = this.#clock.after(answerMs, () => {
      this.#end(key, 'late');
    });
    this.#streams.set(key, { timer, waiting: [] });
  }

  /** Calls `run` when the stream has come, or comes too late; false, and never, when it is not expected. */
  wait(key: StreamKey, run: () => void): boolean {
    const expected = this.#streams.get(key);
    expected?.waiting.push(run);
    return expected !== undefined;
  }

  /** The stream is there. */
  settle(key: StreamKey): void {
    this.#end(key, 'served');
  }

  /** Nothing is expected any more. */
  close(): void {
    for (const key of [...this.#streams.keys()]) this.#end(key, 'late');
  }

  #end(key: StreamKey, outcome: 'served' | 'late'): void {
    const expected = this.#streams.get(key);
    if (expected === undefined) return;
    this.#streams.delete(key);
    expected.timer.cancel();
    if (expected.waiting.length > 0) this.#early.add(expected.waiting.length, { outcome });
    for (const run of expected.waiting) run();
  }
}
