import type { StreamKey } from '@headwater/contracts';

/**
 * The last epoch of streams that have ended. Bounded: beyond its capacity the stream that ended longest ago is forgotten,
 * and its epoch becomes a floor under all streams that are not remembered. So forgetting can raise an epoch and never
 * lower one, also when the wall clock, which every claim takes as a floor as well, is set back.
 */
export class EpochMemory {
  readonly #capacity: number;
  readonly #epochs = new Map<StreamKey, number>();
  #floor = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#epochs.size;
  }

  /** An epoch that no claim of the stream has exceeded; 0 when there was none. */
  last(stream: StreamKey): number {
    return this.#epochs.get(stream) ?? this.#floor;
  }

  remember(stream: StreamKey, epoch: number): void {
    this.#epochs.delete(stream);
    this.#epochs.set(stream, epoch);
    if (this.#epochs.size <= this.#capacity) return;
    for (const [oldest, oldestEpoch] of this.#epochs) {
      this.#epochs.delete(oldest);
      this.#floor = Math.max(this.#floor, oldestEpoch);
      return;
    }
  }

  /** Another memory that holds the same. */
  copy(): EpochMemory {
    const copy = new EpochMemory(this.#capacity);
    copy.#floor = this.#floor;
    for (const [stream, epoch] of this.#epochs) copy.#epochs.set(stream, epoch);
    return copy;
  }

  /** The stream is claimed again: its record carries the epoch now. */
  forget(stream: StreamKey): void {
    this.#epochs.delete(stream);
  }
}
