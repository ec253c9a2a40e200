// The seats of a node's viewers, whichever worker they are at. A worker numbers its seats itself, so that it can give one
// back whatever has become of its question for it. A worker that dies leaves all of its seats.
import { AppError } from '@headwater/contracts';
import type { Overload } from '@headwater/edge';

/** What limits the seats. */
export interface SeatLimits {
  readonly max: number;
  /** Why the node can serve no more viewers than it does; undefined while it can. */
  readonly overload: () => Overload | undefined;
}

/** Who sits where. */
export class SeatCount {
  readonly #limits: SeatLimits;
  /** Seats by worker. */
  readonly #seats = new Map<number, Set<number>>();
  #taken = 0;

  constructor(limits: SeatLimits) {
    this.#limits = limits;
  }

  /** Seats that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** A worker takes a seat for a newcomer. Throws `limit_reached`. */
  take(worker: number, seat: number): void {
    const { max, overload } = this.#limits;
    const taken = this.#taken;
    const reached = taken < max ? overload() : { limit: 'viewers', is: taken, max };
    if (reached !== undefined) throw new AppError('limit_reached', { details: { ...reached } });
    const seats = this.#seats.get(worker) ?? new Set();
    this.#seats.set(worker, seats);
    if (seats.has(seat)) return;
    seats.add(seat);
    this.#taken++;
  }

  /** A seat is free again; one that was not taken does nothing. */
  leave(worker: number, seat: number): void {
    if (this.#seats.get(worker)?.delete(seat) === true) this.#taken--;
  }

  /** All seats of a worker are free again. */
  leaveAll(worker: number): void {
    this.#taken -= this.#seats.get(worker)?.size ?? 0;
    this.#seats.delete(worker);
  }
}
