// The seats of a node's viewers, whichever worker they are at. A worker that dies leaves all of its seats.
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
  /** Seat → worker. */
  readonly #seats = new Map<number, number>();
  #lastSeat = 0;

  constructor(limits: SeatLimits) {
    this.#limits = limits;
  }

  /** Seats that are taken. */
  get taken(): number {
    return this.#seats.size;
  }

  /** Gives a worker a seat for a newcomer, and returns its number. Throws `limit_reached`. */
  take(worker: number): number {
    const { max, overload } = this.#limits;
    const { taken } = this;
    const reached = taken < max ? overload() : { limit: 'viewers', is: taken, max };
    if (reached !== undefined) throw new AppError('limit_reached', { details: { ...reached } });
    const seat = ++this.#lastSeat;
    this.#seats.set(seat, worker);
    return seat;
  }

  /** A seat is free again; twice does nothing. */
  leave(seat: number): void {
    this.#seats.delete(seat);
  }

  /** All seats of a worker are free again. */
  leaveAll(worker: number): void {
    for (const [seat, holder] of this.#seats) if (holder === worker) this.#seats.delete(seat);
  }
}
