import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { BatchLog } from './batch-log.ts';
import type { Sink } from './sink.ts';
import type { StreamFormat } from './stream-format.ts';
import { LiveStreamRig } from './testing/live-stream-rig.ts';

function logOf(batches: number): BatchLog {
  const log = new BatchLog({ maxBytes: 1_000, maxAgeMs: 100 });
  for (let number = 0; number < batches; number++) log.append(Buffer.alloc(10), number, number);
  return log;
}

describe('BatchLog', () => {
  it('numbers batches on when those before were dropped, also when all were', () => {
    const log = logOf(5);
    log.dropBefore(3);
    expect([log.tail, log.head, log.get(2), log.get(3)?.lastSequence]).toEqual([3, 5, undefined, 3]);
    log.dropBefore(99);
    expect([log.tail, log.head]).toEqual([5, 5]);
    log.append(Buffer.alloc(10), 7, 7);
    expect([log.head, log.get(5)?.lastSequence, log.get(5)?.offset]).toEqual([6, 7, 50]);
  });

  it('has nothing to drop below what it keeps', () => {
    const log = logOf(5);
    log.dropBefore(0);
    expect([log.tail, log.head]).toEqual([0, 5]);
  });
});

describe('a fan-out', () => {
  const made: WeakRef<Buffer>[] = [];
  const format: StreamFormat = {
    id: 'weak',
    preamble: () => Buffer.alloc(0),
    encode: () => {
      const bytes = Buffer.allocUnsafeSlow(100);
      made.push(new WeakRef(bytes));
      return bytes;
    },
  };

  async function batchesKept(sink: Sink): Promise<number> {
    const rig = new LiveStreamRig();
    rig.pushHeaders();
    rig.pushKeyframe();
    rig.watch({ format, sink });
    made.length = 0;
    for (let frame = 0; frame < 20; frame++) rig.pushInter();
    // A weak reference holds what it points at until the job that made it is over.
    await new Promise((resolve) => setImmediate(resolve));
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const kept = made.filter((batch) => batch.deref() !== undefined).length;
    rig.stream.close('unpublished');
    return kept;
  }

  it('keeps no batches that every viewer has been written but the newest', async () => {
    expect(await batchesKept({ pendingBytes: 0, write: () => undefined })).toBeLessThanOrEqual(1);
  });

  it('keeps those that a viewer who does not read has yet to get', async () => {
    expect(await batchesKept({ pendingBytes: 1, write: () => undefined })).toBe(20);
  });
});
