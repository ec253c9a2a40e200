import { streamKey } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownedStream, refOf, testNode } from '../testing/index.ts';
import { decodeEntries, isEarlierId } from './event-log-entry.ts';
import { decodeNode, decodeStream, encodeAnnouncement, encodeBeat, encodeOwned } from './record-codec.ts';

const node = testNode('n1');
const record = {
  stream: streamKey('live', 'cam1'),
  owner: refOf(node),
  relayAddress: '[::1]:5',
  epoch: Number.MAX_SAFE_INTEGER - 1,
  state: 'live' as const,
  credential: 'c',
  codecs: ['avc1.64001f', 'mp4a.40.2'],
  sinceMs: 1,
};

describe('records in the store', () => {
  it('come back as they were written', () => {
    expect(decodeNode(encodeAnnouncement(node), encodeBeat(node.load, true))).toEqual({
      ...node,
      isDraining: true,
    });
    expect(decodeStream(record.stream, encodeOwned(record.owner, ownedStream(record)))).toEqual(record);
  });

  it('of a node are none when one of the parts that may be absent is not what it has to be', () => {
    const written = JSON.parse(encodeAnnouncement(node)) as Record<string, unknown>;
    for (const [field, values] of Object.entries({
      coordinates: [{ latitude: 91, longitude: 0 }, { latitude: 0 }, null, 1],
      publicUrls: [{ http: 'ftp://h' }, { http: 'http://h/path' }, { rtmp: `rtmp://${'h'.repeat(300)}` }],
      capacity: [{ viewers: -1, egressBitsPerSecond: 0 }, { viewers: 1 }, 'much'],
    })) {
      for (const value of values) {
        const text = JSON.stringify({ ...written, [field]: value });
        expect(decodeNode(text, encodeBeat(node.load, false)), `${field} ${text}`).toBeUndefined();
      }
    }
  });

  it('of another form are none, whatever they hold', () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constant('null'), fc.constant('[]'));
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        for (const found of [decodeNode(a, b), decodeStream('live/cam1', c), decodeStream(a, b)]) {
          expect(found === undefined || typeof found === 'object').toBe(true);
        }
      }),
    );
  });

  it('with one field of another type or value are none', () => {
    const written = JSON.parse(encodeOwned(record.owner, ownedStream(record))) as Record<string, unknown>;
    for (const [field, values] of Object.entries({
      owner: [1, null],
      run: [{}],
      relay: [undefined],
      epoch: [5, '-1', '1e3', '', '99999999999999999'],
      since: ['x', 1],
      state: ['dead', 1],
    })) {
      for (const value of values) {
        const text = JSON.stringify({ ...written, [field]: value });
        expect(decodeStream(record.stream, text), `${field} ${JSON.stringify(value)}`).toBeUndefined();
      }
    }
    for (const key of ['', 'live', '../x', 'a/b/c', `a/${'x'.repeat(200)}`]) {
      expect(decodeStream(key, JSON.stringify(written))).toBeUndefined();
    }
  });

  it('in the log of any form end in entries without an event, never in a throw', () => {
    const value: fc.Arbitrary<unknown> = fc.anything();
    fc.assert(
      fc.property(value, fc.array(fc.string()), (junk, fields) => {
        for (const reply of [junk, [junk], [['k', junk]], [['k', [junk]]], [['k', [['1-1', fields]]]]]) {
          for (const entry of decodeEntries(reply)) expect(entry.event).toBeUndefined();
        }
      }),
    );
  });

  it('have ids that are compared as numbers', () => {
    expect(isEarlierId('9-10', '10-2')).toBe(true);
    expect(isEarlierId('10-2', '10-10')).toBe(true);
    expect(isEarlierId('10-2', '10-2')).toBe(false);
    expect(isEarlierId('11-0', '10-9')).toBe(false);
  });
});
