// Wakes those who wait for a stream when the registry says something new of it, so that they need not ask all the time.
import type { StreamRegistry, Watch } from '@headwater/cluster';
import type { Clock, StreamKey } from '@headwater/contracts';

/** One who waits for changes of a stream. */
export interface StreamChange {
  /** Resolves with the next change, at once when there was one since the last time, or after `atMostMs`. */
  next(atMostMs: number): Promise<void>;
  close(): void;
}

class Waiting implements StreamChange {
  readonly #clock: Clock;
  readonly #closed: (self: Waiting) => void;
  #hasChanged = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, closed: (self: Waiting) => void) {
    this.#clock = clock;
    this.#closed = closed;
  }

  changed(): void {
    this.#hasChanged = true;
    this.#wake?.();
  }

  async next(atMostMs: number): Promise<void> {
    if (!this.#hasChanged) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(atMostMs, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#hasChanged = false;
    this.#wake = undefined;
  }

  close(): void {
    this.#closed(this);
  }
}

/** Follows the registry's events for as long as anybody waits. */
export class StreamChanges {
  readonly #registry: Pick<StreamRegistry, 'watch'>;
  readonly #clock: Clock;
  readonly #waiting = new Map<StreamKey, Set<Waiting>>();
  #watch: Watch | undefined;

  constructor(registry: Pick<StreamRegistry, 'watch'>, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Hears of changes from now on, until closed. */
  follow(stream: StreamKey): StreamChange {
    this.#watch ??= this.#registry.watch((event) => {
      if (!('record' in event)) return;
      for (const each of this.#waiting.get(event.record.stream) ?? []) each.changed();
    });
    const waiting = new Waiting(this.#clock, (self) => {
      this.#left(stream, self);
    });
    const others = this.#waiting.get(stream) ?? new Set();
    this.#waiting.set(stream, others.add(waiting));
    return waiting;
  }

  #left(stream: StreamKey, waiting: Waiting): void {
    const others = this.#waiting.get(stream);
    if (others?.delete(waiting) !== true || others.size > 0) return;
    this.#waiting.delete(stream);
    if (this.#waiting.size > 0) return;
    this.#watch?.close();
    this.#watch = undefined;
  }
}
