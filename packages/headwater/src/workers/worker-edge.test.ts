import { AppError } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { SeatCount } from './seat-count.ts';
import { NodeSeats } from './worker-edge.ts';
import type { WorkerMessage } from './worker-messages.ts';

const worker = 1;
const counted = new SeatCount({ max: 2, overload: () => undefined });

/** The node's end: counts seats, and answers when it is told to. */
function link(answer: () => Promise<void>): ConstructorParameters<typeof NodeSeats>[0] {
  return {
    ask: async (_what: string, seat: unknown) => {
      counted.take(worker, seat as number);
      await answer();
      return undefined;
    },
    send: (message: WorkerMessage) => {
      if (message.type === 'seat-left') counted.leave(worker, message.seat);
    },
  };
}

describe('NodeSeats', () => {
  it('gives a seat back once', async () => {
    const seats = new NodeSeats(link(async () => Promise.resolve()));
    const [first] = [await seats.take(), await seats.take()];
    expect(counted.taken).toBe(2);
    first.release();
    first.release();
    expect(counted.taken).toBe(1);
    counted.leaveAll(worker);
  });

  it('holds no seat that the node gave, but said so too late', async () => {
    const late = new NodeSeats(link(async () => Promise.reject(new AppError('internal'))));
    await expect(late.take()).rejects.toMatchObject({ code: 'internal' });
    expect(counted.taken).toBe(0);
  });

  it('leaves the seats of others alone when it is refused one', async () => {
    const seats = new NodeSeats(link(async () => Promise.resolve()));
    await seats.take();
    await seats.take();
    await expect(seats.take()).rejects.toMatchObject({ code: 'limit_reached' });
    expect(counted.taken).toBe(2);
    counted.leaveAll(worker);
  });
});
