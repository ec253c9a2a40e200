import { status } from '@grpc/grpc-js';
import { AppError } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { LocalCall } from './local-call.ts';
import { statusOf } from './relay-status.ts';

class Puller {
  readonly heard: string[] = [];
  readonly call: LocalCall = new LocalCall({
    item: (bytes) => {
      this.heard.push(bytes.toString());
      this.onItem?.();
    },
    failed: ({ code = status.UNKNOWN }) => this.heard.push(`failed: ${status[code]}`),
    ended: () => this.heard.push('ended'),
  });
  onItem: (() => void) | undefined;
}

const draining = statusOf(new AppError('draining'));
const nothing = (): void => undefined;

/** Until all microtasks have run. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function closesOf({ call }: Puller): () => number {
  let closes = 0;
  call.onClosed(() => closes++);
  return () => closes;
}

describe('a call within a process', () => {
  it('is heard later, in order, and then over', async () => {
    const puller = new Puller();
    const closes = closesOf(puller);
    puller.call.write(Buffer.from('a'), nothing);
    puller.call.write(Buffer.from('b'), nothing);
    puller.call.end();
    expect(puller.heard).toEqual([]);
    await settled();
    expect(puller.heard).toEqual(['a', 'b', 'ended']);
    expect(closes()).toBe(1);
  });

  it('fails after what was written', async () => {
    const puller = new Puller();
    const closes = closesOf(puller);
    puller.call.write(Buffer.from('a'), nothing);
    puller.call.fail(draining);
    await settled();
    expect(puller.heard).toEqual(['a', 'failed: UNAVAILABLE']);
    expect(closes()).toBe(1);
  });

  it('holds back what has not been heard', async () => {
    const puller = new Puller();
    let sent = 0;
    puller.call.write(Buffer.from('a'), () => sent++);
    expect(sent).toBe(0);
    await settled();
    expect(sent).toBe(1);
  });

  it('is not heard while the puller is hearing something', async () => {
    const puller = new Puller();
    const depths: number[] = [];
    let depth = 0;
    puller.onItem = () => {
      depth++;
      if (puller.heard.length < 3) puller.call.write(Buffer.from('more'), nothing);
      depths.push(depth);
      depth--;
    };
    puller.call.write(Buffer.from('a'), nothing);
    await settled();
    expect(puller.heard).toEqual(['a', 'more', 'more']);
    expect(depths).toEqual([1, 1, 1]);
  });

  it('that is cancelled is heard no more, and over once', async () => {
    const puller = new Puller();
    const closes = closesOf(puller);
    let cancels = 0;
    puller.call.onCancelled(() => cancels++);
    puller.call.write(Buffer.from('a'), nothing);
    puller.call.cancel();
    puller.call.cancel();
    expect(cancels).toBe(0);
    puller.call.write(Buffer.from('b'), nothing);
    puller.call.fail(draining);
    await settled();
    puller.call.cancel();
    await settled();
    expect(puller.heard).toEqual([]);
    expect([cancels, closes()]).toEqual([1, 1]);
  });

  it('that is over cannot be cancelled', async () => {
    const puller = new Puller();
    let cancels = 0;
    puller.call.onCancelled(() => cancels++);
    puller.call.end();
    await settled();
    puller.call.cancel();
    await settled();
    expect(cancels).toBe(0);
  });

  it('cancelled from within hears nothing of what was on its way', async () => {
    const puller = new Puller();
    puller.onItem = () => {
      puller.call.cancel();
    };
    puller.call.write(Buffer.from('a'), nothing);
    puller.call.write(Buffer.from('b'), nothing);
    puller.call.end();
    await settled();
    expect(puller.heard).toEqual(['a']);
  });
});
