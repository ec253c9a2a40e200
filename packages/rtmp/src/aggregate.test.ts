import { ProtocolError } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitAggregate } from './aggregate.ts';
import { messageType, type RtmpMessage } from './message.ts';

function aggregate(payload: Buffer, timestampMs = 1000): RtmpMessage {
  return { chunkStreamId: 4, typeId: messageType.aggregate, messageStreamId: 1, timestampMs, payload };
}

function tag(typeId: number, timestamp: number, text: string): Buffer {
  const header = Buffer.alloc(11);
  header[0] = typeId;
  header.writeUIntBE(text.length, 1, 3);
  header.writeUIntBE(timestamp & 0xffffff, 4, 3);
  header[7] = timestamp >>> 24;
  const back = Buffer.alloc(4);
  back.writeUInt32BE(11 + text.length);
  return Buffer.concat([header, Buffer.from(text), back]);
}

function split(payload: Buffer, timestampMs?: number): string[] {
  const parts: string[] = [];
  splitAggregate(aggregate(payload, timestampMs), (message) => {
    parts.push(
      `${message.typeId}@${message.timestampMs} ${message.payload.toString()} on ${message.messageStreamId}`,
    );
  });
  return parts;
}

describe('splitAggregate', () => {
  it('counts the times from the first message, which has the time of the aggregate', () => {
    const payload = Buffer.concat([tag(8, 500, 'a'), tag(9, 540, ''), tag(18, 490, 'ccc')]);
    expect(split(payload)).toEqual(['8@1000 a on 1', '9@1040  on 1', '18@990 ccc on 1']);
  });

  it('follows the times across their wrap, and keeps an unwrapped time unwrapped', () => {
    const payload = Buffer.concat([tag(8, 0xfffffff0, 'a'), tag(8, 0x10, 'b')]);
    expect(split(payload, 2 ** 32 + 5)).toEqual(['8@4294967301 a on 1', '8@4294967333 b on 1']);
  });

  it('takes a last message without its back pointer', () => {
    expect(split(tag(8, 0, 'a').subarray(0, 12))).toEqual(['8@1000 a on 1']);
  });

  it('leaves out an aggregate inside, and is nothing when empty', () => {
    expect(split(Buffer.concat([tag(22, 0, 'nested'), tag(8, 0, 'a')]))).toEqual(['8@1000 a on 1']);
    expect(split(Buffer.alloc(0))).toEqual([]);
  });

  it('refuses what is cut in a header or a body', () => {
    const payload = tag(8, 0, 'abc');
    for (let end = 1; end < 14; end += 1) {
      expect(() => split(payload.subarray(0, end)), `cut at ${end}`).toThrow(ProtocolError);
    }
  });

  it('throws nothing but ProtocolError on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          split(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});
