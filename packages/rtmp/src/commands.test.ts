import { ProtocolError } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { amfObject, type AmfValue } from './amf-value.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import { decodeCommand, encodeCommand, maxCommandBytes } from './commands.ts';
import { messageType, type RtmpMessage } from './message.ts';

function message(payload: Buffer, typeId: number = messageType.commandAmf0): RtmpMessage {
  return { chunkStreamId: 3, typeId, messageStreamId: 0, timestampMs: 0, payload };
}

describe('a command', () => {
  const command = { name: 'play', transactionId: 4, args: [null, 'cam', amfObject({ a: 1 })] };

  it('is given back as it was encoded', () => {
    expect(decodeCommand(encodeCommand(command, 7))).toEqual(command);
    expect(encodeCommand(command, 7)).toMatchObject({ chunkStreamId: 3, typeId: 20, messageStreamId: 7 });
  });

  it('is read from an AMF3 message with and without its format byte', () => {
    const body = encodeAmf0('play', 4, null);
    const expected = { name: 'play', transactionId: 4, args: [null] };
    expect(decodeCommand(message(Buffer.concat([Buffer.of(0), body]), messageType.commandAmf3))).toEqual(
      expected,
    );
    expect(decodeCommand(message(body, messageType.commandAmf3))).toEqual(expected);
    const switched = Buffer.concat([Buffer.of(0), encodeAmf0('play', 4), Buffer.from('11060763616d', 'hex')]);
    expect(decodeCommand(message(switched, messageType.commandAmf3))?.args).toEqual(['cam']);
  });

  it.each<[AmfValue, number]>([
    [Number.NaN, 0],
    [Number.NEGATIVE_INFINITY, 0],
    ['3', 0],
    [null, 0],
    [-2.5, -2.5],
  ])('with transaction id %s has %d', (transactionId, read) => {
    expect(decodeCommand(message(encodeAmf0('x', transactionId)))?.transactionId).toBe(read);
  });

  it('may lack everything but its name, and is nothing without that', () => {
    expect(decodeCommand(message(encodeAmf0('x')))).toEqual({ name: 'x', transactionId: 0, args: [] });
    expect(decodeCommand(message(encodeAmf0(1, 2)))).toBeUndefined();
    expect(decodeCommand(message(Buffer.alloc(0)))).toBeUndefined();
  });

  it('is refused when it is longer than 64 KiB, or no AMF', () => {
    const head = encodeAmf0('x', 1);
    const text = 'y'.repeat(maxCommandBytes - head.length - 6);
    const longest = Buffer.concat([head, encodeAmf0(text, '')]);
    expect(longest).toHaveLength(maxCommandBytes);
    expect(decodeCommand(message(longest))?.args).toEqual([text, '']);
    expect(() => decodeCommand(message(Buffer.alloc(maxCommandBytes + 1, 5)))).toThrow(ProtocolError);
    expect(() => decodeCommand(message(Buffer.of(2, 0, 1)))).toThrow(ProtocolError);
  });
});
