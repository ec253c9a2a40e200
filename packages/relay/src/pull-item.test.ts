import { ProtocolError, type CloseReason } from '@headwater/contracts';
import type { Frame } from '@headwater/media';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PullItem as PullItemMessage } from './generated/relay.ts';
import {
  decodePullItem,
  encodeEndedItem,
  encodeFramesItem,
  encodeOpenedItem,
  encodeStateItem,
  splitFramesItem,
  type PullItem,
} from './pull-item.ts';
import { relayFormat } from './relay-format.ts';

function frame(sequence: number, bytes: number): Frame {
  const payload = Buffer.alloc(bytes, sequence % 251);
  return { kind: 'video', role: 'media', sequence, timestampMs: sequence * 40, payload };
}

function framesOf(item: Buffer): readonly Frame[] {
  const decoded = decodePullItem(item);
  return decoded?.type === 'frames' ? decoded.frames : [];
}

const samples: readonly (readonly [PullItem, Buffer])[] = [
  [
    {
      type: 'opened',
      info: { epoch: 1_700_000_000_000, firstSequence: 12, resumed: true, state: 'interrupted' },
    },
    encodeOpenedItem({ epoch: 1_700_000_000_000, firstSequence: 12, resumed: true, state: 'interrupted' }),
  ],
  [
    { type: 'opened', info: { epoch: 1, firstSequence: 0, resumed: false, state: 'live' } },
    encodeOpenedItem({ epoch: 1, firstSequence: 0, resumed: false, state: 'live' }),
  ],
  [{ type: 'state', state: 'live' }, encodeStateItem('live')],
  [{ type: 'state', state: 'interrupted' }, encodeStateItem('interrupted')],
  [{ type: 'ended', reason: 'unpublished' }, encodeEndedItem('unpublished')],
  [{ type: 'frames', epoch: undefined, frames: [frame(3, 10)] }, encodeFramesItem([frame(3, 10)])],
  [
    { type: 'frames', epoch: 2 ** 53 - 1, frames: [frame(3, 300)] },
    encodeFramesItem([frame(3, 300)], 2 ** 53 - 1),
  ],
];

describe('a pull item', () => {
  it.each(samples)('comes back as it was (%#)', (item, bytes) => {
    expect(decodePullItem(bytes)).toEqual(item);
  });

  it.each(samples)('is refused or empty when cut at any offset (%#)', (_item, bytes) => {
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(() => decodePullItem(bytes.subarray(0, cut)), `cut at ${cut}`).toThrow(ProtocolError);
    }
  });

  it('with frames is what the generated code reads and writes', () => {
    for (const epoch of [undefined, 7, 2 ** 40]) {
      for (const bytes of [0, 1, 100, 20_000]) {
        const encoded = encodeFramesItem([frame(1, bytes), frame(2, bytes)], epoch);
        const message = PullItemMessage.decode(encoded);
        expect(message.item?.$case).toBe('frames');
        expect(message.item?.$case === 'frames' ? message.item.value.epoch : undefined).toBe(epoch);
        expect(Buffer.from(PullItemMessage.encode(message).finish()).equals(encoded)).toBe(true);
      }
    }
  });

  it('of a later version is skipped, and so are unknown fields of a known one', () => {
    expect(decodePullItem(Buffer.from('fa0103616263', 'hex'))).toBeUndefined();
    const unknown = Buffer.from('280150ffffffffffffffffff0159000000000000000065000000006a0161', 'hex');
    for (const [item, bytes] of samples) {
      expect(decodePullItem(Buffer.concat([unknown, bytes]))).toEqual(item);
    }
  });

  it('with a reason of a later version ends the stream all the same', () => {
    const bytes = encodeEndedItem('because' as CloseReason);
    expect(decodePullItem(bytes)).toEqual({ type: 'ended', reason: 'stream_ended' });
  });

  it('is an item, nothing or a ProtocolError for any bytes', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...samples), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([[, bytes], at, value]) => {
        const copy = Buffer.from(bytes);
        copy[at % copy.length] = value;
        return copy;
      });
    const random = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(random, mutated), (bytes) => {
        try {
          decodePullItem(bytes);
        } catch (caught) {
          expect(caught).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the relay format', () => {
  it('encodes a batch as one message of the epoch, and no frames as nothing', () => {
    const format = relayFormat(5);
    const batch = [frame(1, 10), frame(2, 0), frame(3, 5_000)];
    expect(decodePullItem(format.encode(batch))).toEqual({ type: 'frames', epoch: 5, frames: batch });
    expect(format.encode([])).toHaveLength(0);
    expect(format.preamble({ hasAudio: true, hasVideo: true })).toHaveLength(0);
    expect(format.id).toBe('relay');
  });
});

describe('cutting a big batch', () => {
  it('leaves a small one and other items alone', () => {
    const small = encodeFramesItem([frame(1, 50)], 9);
    expect(splitFramesItem(small, 1_000)[0]).toBe(small);
    const ended = encodeEndedItem('unpublished');
    expect(splitFramesItem(ended, 1)[0]).toBe(ended);
  });

  it('keeps every frame, its order and the epoch, and the limit where a frame allows', () => {
    const sizes = fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 21, max: 600 }), (list, limit) => {
        const batch = list.map((bytes, index) => frame(index, bytes));
        const pieces = splitFramesItem(encodeFramesItem(batch, 9), limit);
        expect(pieces.flatMap(framesOf)).toEqual(batch);
        for (const piece of pieces) {
          expect(decodePullItem(piece)).toMatchObject({ epoch: 9 });
          expect(framesOf(piece)).not.toHaveLength(0);
          const bytes = framesOf(piece).reduce((sum, { payload }) => sum + payload.length + 21, 0);
          expect(framesOf(piece).length === 1 || bytes <= limit).toBe(true);
        }
      }),
    );
  });
});
