import type { Clock, StreamKey } from '@headwater/contracts';

interface Seen {
  readonly epoch: number;
  readonly sinceMs: number;
}

/**
 * Tells which streams a registry has held for a node, at one and the same epoch, for longer than a claim can be under way
 * although the node does not have them: claims whose answer was lost, or a release that the registry forgot.
 */
export class SurplusWatch {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #since = new Map<StreamKey, Seen>();

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /** Takes the surplus that a beat was answered with; returns those that have been in it for too long. */
  overdue(surplus: ReadonlyMap<StreamKey, number>): ReadonlyMap<StreamKey, number> {
    const nowMs = this.#clock.nowMs();
    const overdue = new Map<StreamKey, number>();
    const since = new Map<StreamKey, Seen>();
    for (const [stream, epoch] of surplus) {
      const seen = this.#since.get(stream);
      const entry = seen?.epoch === epoch ? seen : { epoch, sinceMs: nowMs };
      since.set(stream, entry);
      if (nowMs - entry.sinceMs >= this.#patienceMs) overdue.set(stream, epoch);
    }
    this.#since = since;
    return overdue;
  }
}
