import { ProtocolError } from '@headwater/contracts';
import type { Frame, FrameKind, FrameRole } from '@headwater/media';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameHeadBytes, packedBytes, packFrames, unpackFrames } from './frame-packing.ts';

const frames = fc.array(
  fc.record({
    kind: fc.constantFrom<FrameKind>('audio', 'video', 'data'),
    role: fc.constantFrom<FrameRole>('media', 'keyframe', 'header', 'metadata'),
    sequence: fc.maxSafeNat(),
    timestampMs: fc.maxSafeNat(),
    payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  }),
);

function pack(list: readonly Frame[]): Buffer {
  const bytes = Buffer.alloc(packedBytes(list));
  packFrames(list, bytes, 0);
  return bytes;
}

describe('packed frames', () => {
  it('come back as they were, in order', () => {
    fc.assert(
      fc.property(frames, (list) => {
        expect(unpackFrames(pack(list))).toEqual(list);
      }),
    );
  });

  it('have the documented layout', () => {
    const payload = Buffer.from('abc');
    const frame: Frame = {
      kind: 'video',
      role: 'keyframe',
      sequence: 2 ** 32 + 7,
      timestampMs: 2 ** 53 - 1,
      payload,
    };
    expect(pack([frame]).toString('hex')).toBe(
      '05' + '0000000100000007' + '001fffffffffffff' + '00000003' + '616263',
    );
  });

  it('share the memory of media payloads and copy those of headers and metadata', () => {
    const base = { kind: 'video', sequence: 0, timestampMs: 0, payload: Buffer.from('x') } as const;
    const roles: readonly FrameRole[] = ['media', 'keyframe', 'header', 'metadata'];
    const bytes = pack(roles.map((role) => ({ ...base, role })));
    const shared = unpackFrames(bytes).map((frame) => frame.payload.buffer === bytes.buffer);
    expect(shared).toEqual([true, true, false, false]);
  });

  it('are refused when cut at any offset that is not between two frames', () => {
    const list: Frame[] = [0, 5].map((length, sequence) => {
      return { kind: 'audio', role: 'media', sequence, timestampMs: 0, payload: Buffer.alloc(length) };
    });
    const bytes = pack(list);
    for (let cut = 0; cut < bytes.length; cut++) {
      if (cut === 0 || cut === frameHeadBytes) {
        expect(unpackFrames(bytes.subarray(0, cut))).toHaveLength(cut && 1);
      } else expect(() => unpackFrames(bytes.subarray(0, cut))).toThrow(ProtocolError);
    }
  });

  it('are refused with an unknown kind, reserved bits, or numbers above 53 bits', () => {
    const bytes = pack([
      { kind: 'audio', role: 'media', sequence: 0, timestampMs: 0, payload: Buffer.alloc(0) },
    ]);
    for (const [offset, value] of [
      [0, 3],
      [0, 0x10],
      [1, 0x20],
      [2, 0x20],
      [9, 1],
      [10, 0x20],
    ] as const) {
      const broken = Buffer.from(bytes);
      broken[offset] = value;
      expect(() => unpackFrames(broken)).toThrow(ProtocolError);
    }
  });

  it('are refused when there are too many in one message', () => {
    expect(unpackFrames(Buffer.alloc(frameHeadBytes * 65_536))).toHaveLength(65_536);
    expect(() => unpackFrames(Buffer.alloc(frameHeadBytes * 65_537))).toThrow(ProtocolError);
  });

  it('give frames or a ProtocolError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          unpackFrames(Buffer.from(bytes));
        } catch (caught) {
          expect(caught).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });

  it('cannot be made of numbers that do not fit', () => {
    const frame: Frame = {
      kind: 'audio',
      role: 'media',
      sequence: 0,
      timestampMs: -1,
      payload: Buffer.alloc(0),
    };
    expect(() => pack([frame])).toThrow(RangeError);
  });
});
