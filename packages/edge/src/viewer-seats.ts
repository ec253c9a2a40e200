// The limit on viewers where several processes serve them: each viewer holds a seat, those that still wait for their
// stream included, and one place counts all seats.
import type { Admission } from './admission.ts';

/** One viewer's place. Releasing twice does nothing. */
export interface Seat {
  release(): void;
}

/** Where seats are counted. */
export interface ViewerSeats {
  /** Rejects with an `AppError` that says why there is none. */
  take(): Promise<Seat>;
}

// Who counts is a process of the same machine.
const answerMs = 5_000;

/** Takes a seat for a newcomer; one that was given up meanwhile gives back what comes too late. */
export async function takeSeat(seats: ViewerSeats, admission: Admission): Promise<Seat> {
  const taking = seats.take();
  try {
    return await admission.wait(taking, answerMs);
  } catch (caught) {
    taking.then(
      (seat) => {
        seat.release();
      },
      () => undefined,
    );
    throw caught;
  }
}
