import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeControlMessage, encodeControlMessage, type ControlMessage } from './control-message.ts';
import type { RtmpMessage } from './message.ts';

function message(typeId: number, payload: Buffer): RtmpMessage {
  return { chunkStreamId: 2, typeId, messageStreamId: 0, timestampMs: 0, payload };
}

const wireForms: readonly (readonly [ControlMessage, number, string])[] = [
  [{ kind: 'setChunkSize', chunkSize: 60_000 }, 1, '0000ea60'],
  [{ kind: 'abort', chunkStreamId: 65_599 }, 2, '0001003f'],
  [{ kind: 'acknowledgement', sequenceNumber: 2 ** 32 - 1 }, 3, 'ffffffff'],
  [{ kind: 'windowAckSize', windowBytes: 2_500_000 }, 5, '002625a0'],
  [{ kind: 'setPeerBandwidth', windowBytes: 2_500_000, limit: 'hard' }, 6, '002625a000'],
  [{ kind: 'setPeerBandwidth', windowBytes: 2_500_000, limit: 'soft' }, 6, '002625a001'],
  [{ kind: 'setPeerBandwidth', windowBytes: 2_500_000, limit: 'dynamic' }, 6, '002625a002'],
  [{ kind: 'streamBegin', messageStreamId: 1 }, 4, '000000000001'],
  [{ kind: 'streamEof', messageStreamId: 2 }, 4, '000100000002'],
  [{ kind: 'streamDry', messageStreamId: 3 }, 4, '000200000003'],
  [{ kind: 'setBufferLength', messageStreamId: 1, bufferMs: 3000 }, 4, '00030000000100000bb8'],
  [{ kind: 'streamIsRecorded', messageStreamId: 1 }, 4, '000400000001'],
  [{ kind: 'pingRequest', timestamp: 0xfedcba98 }, 4, '0006fedcba98'],
  [{ kind: 'pingResponse', timestamp: 0xfedcba98 }, 4, '0007fedcba98'],
  [{ kind: 'bufferEmpty', messageStreamId: 1 }, 4, '001f00000001'],
  [{ kind: 'bufferReady', messageStreamId: 1 }, 4, '002000000001'],
];

describe('control messages', () => {
  it.each(wireForms)('%j is type %i %s', (control, typeId, payload) => {
    const encoded = encodeControlMessage(control);
    expect(encoded).toEqual(message(typeId, Buffer.from(payload, 'hex')));
    expect(decodeControlMessage(encoded)).toEqual(control);
  });

  it.each(wireForms)('%j is nothing when a byte is missing', (control) => {
    const { typeId, payload } = encodeControlMessage(control);
    for (let length = 0; length < payload.length; length += 1) {
      expect(decodeControlMessage(message(typeId, payload.subarray(0, length)))).toBeUndefined();
    }
  });

  it('ignores what follows the fields', () => {
    const payload = Buffer.from('0000ea60ffff', 'hex');
    expect(decodeControlMessage(message(1, payload))).toEqual({ kind: 'setChunkSize', chunkSize: 60_000 });
  });

  it('reads chunk sizes that are not allowed, for the chunk reader to refuse', () => {
    const decoded = decodeControlMessage(message(1, Buffer.from('80000000', 'hex')));
    expect(decoded).toEqual({ kind: 'setChunkSize', chunkSize: 0x80000000 });
  });

  it('takes an unknown kind of bandwidth limit for dynamic', () => {
    const decoded = decodeControlMessage(message(6, Buffer.from('0000000109', 'hex')));
    expect(decoded).toEqual({ kind: 'setPeerBandwidth', windowBytes: 1, limit: 'dynamic' });
  });

  it('takes no message and no event that it does not know', () => {
    expect(decodeControlMessage(message(8, Buffer.alloc(10)))).toBeUndefined();
    expect(decodeControlMessage(message(4, Buffer.from('001a00000000', 'hex')))).toBeUndefined();
  });

  it('never throws, whatever the payload', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.uint8Array({ maxLength: 20 }), (typeId, payload) => {
        decodeControlMessage(message(typeId, Buffer.from(payload)));
      }),
    );
  });
});
