import { describe, expect, it } from 'vitest';
import { AmfEcmaArray } from './amf-value.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import { maxDataBytes, unwrapData, wrapData } from './data-message.ts';
import { messageType, type RtmpMessage } from './message.ts';

function message(payload: Buffer, typeId: number = messageType.dataAmf0): RtmpMessage {
  return { chunkStreamId: 5, typeId, messageStreamId: 1, timestampMs: 0, payload };
}

const metadata = Buffer.concat([encodeAmf0('onMetaData'), Buffer.from('ff00ff', 'hex')]);
const wrapped = Buffer.concat([encodeAmf0('@setDataFrame'), metadata]);

describe('unwrapData', () => {
  it('takes off @setDataFrame and leaves every other byte', () => {
    expect(unwrapData(message(wrapped))).toEqual(metadata);
    expect(unwrapData(message(metadata))).toEqual(metadata);
    expect(unwrapData(message(encodeAmf0('onCuePoint', 1)))).toEqual(encodeAmf0('onCuePoint', 1));
  });

  it('takes off the format byte of the AMF3 type', () => {
    expect(unwrapData(message(Buffer.concat([Buffer.of(0), wrapped]), messageType.dataAmf3))).toEqual(
      metadata,
    );
    expect(unwrapData(message(metadata, messageType.dataAmf3))).toEqual(metadata);
  });

  it('makes empty metadata of @clearDataFrame', () => {
    const cleared = encodeAmf0('onMetaData', new AmfEcmaArray());
    expect(unwrapData(message(encodeAmf0('@clearDataFrame', 'onMetaData')))).toEqual(cleared);
  });

  it('drops what does not begin with a name, and what is longer than 1 MiB', () => {
    for (const payload of [
      Buffer.alloc(0),
      encodeAmf0(1),
      encodeAmf0('@setDataFrame', 1),
      wrapped.subarray(0, 20),
    ]) {
      expect(unwrapData(message(payload))).toBeUndefined();
    }
    const filler = Buffer.alloc(maxDataBytes - metadata.length);
    expect(unwrapData(message(Buffer.concat([metadata, filler])))).toHaveLength(maxDataBytes);
    expect(unwrapData(message(Buffer.concat([metadata, filler, Buffer.of(0)])))).toBeUndefined();
  });
});

describe('wrapData', () => {
  it('puts metadata behind @setDataFrame and nothing else', () => {
    expect(wrapData(metadata)).toEqual(wrapped);
    expect(wrapData(encodeAmf0('onCuePoint', 1))).toEqual(encodeAmf0('onCuePoint', 1));
    expect(wrapData(Buffer.of(5))).toEqual(Buffer.of(5));
  });
});
