import { randomBytes } from 'node:crypto';
import type { AbuseCase } from '../abuse-case.ts';
import type { Attack } from '../attack.ts';
import { amf, amfKey, amfObjectEnd, commandPayload, messageType, uint16, uint32 } from '../rtmp-bytes.ts';

const MiB = 1024 * 1024;
const openObject = Buffer.concat([Buffer.from([3]), amfKey('a')]);
const openArray = Buffer.concat([Buffer.from([10]), uint32(1)]);

/** Attacks on the AMF0 and AMF3 decoders: as connect's object, in a later command, and as metadata. */
export const amfCases: readonly AbuseCase[] = [
  {
    number: 21,
    title: 'AMF strings longer than their message end at most their own session',
    expect: {},
    run: async (attack) =>
      sendValues(attack, [
        Buffer.concat([Buffer.from([2]), uint16(0xffff), Buffer.from('short')]),
        Buffer.concat([Buffer.from([12]), uint32(0xffffffff), Buffer.from('short')]),
        Buffer.concat([Buffer.from([12]), uint32(0x7fffffff), Buffer.from('short')]),
        Buffer.concat([Buffer.from([15]), uint32(0xfffffff0), Buffer.from('<x/>')]),
        Buffer.concat([Buffer.from([3]), uint16(0xfff0), Buffer.from('key')]),
        Buffer.concat([Buffer.from([16]), uint16(0xffff), Buffer.from('Class')]),
        Buffer.from([2]),
        Buffer.from([0, 0x3f]),
        Buffer.from([11, 0, 0]),
      ]),
  },
  {
    number: 22,
    title: 'AMF counts of 2^32-1 are not believed',
    expect: { memoryMiB: 64 },
    run: async (attack) =>
      sendValues(attack, [
        amf.strictArray([amf.null], 0xffffffff),
        amf.strictArray([], 0xffffffff),
        amf.ecmaArray({ a: amf.null }, 0xffffffff),
        amf.strictArray([amf.strictArray([], 0xffffffff)], 0x7fffffff),
      ]),
  },
  {
    number: 23,
    title: 'AMF values nested 100,000 deep end at most their own session',
    expect: {},
    run: async (attack) =>
      sendValues(attack, [
        Buffer.concat(Array<Buffer>(100_000).fill(openObject)),
        Buffer.concat(Array<Buffer>(100_000).fill(openArray)),
        Buffer.concat(Array<Buffer>(15_000).fill(openObject)),
        Buffer.concat(Array<Buffer>(12_000).fill(openArray)),
      ]),
  },
  {
    number: 24,
    title:
      'objects without an end, with empty or repeated keys, or with __proto__ change nothing outside their session',
    expect: {},
    run: async (attack) =>
      sendValues(attack, [
        Buffer.concat([openObject, amf.number(1)]),
        Buffer.concat([openObject, amf.number(1), uint16(0)]),
        Buffer.concat([Buffer.from([3]), amfKey(''), amf.number(1), amfObjectEnd]),
        Buffer.concat([openObject, amf.null, amfKey('a'), amf.string('x'), amfObjectEnd]),
        amf.object({ ['__proto__']: amf.object({ app: amf.string('live'), isAdmin: amf.boolean(true) }) }),
        amf.object({ constructor: amf.object({ prototype: amf.object({ x: amf.number(1) }) }) }),
        amf.object({
          toString: amf.null,
          hasOwnProperty: amf.number(1),
          app: amf.object({}),
          tcUrl: amf.null,
        }),
        amfObjectEnd,
        Buffer.alloc(0),
      ]),
  },
  {
    number: 25,
    title: 'reserved and unknown AMF markers end at most their own session',
    expect: {},
    run: async (attack) => {
      const markers = [4, 7, 9, 13, 14, 16, 17, 18, 19, 0x20, 0x7f, 0x80, 0xff];
      await sendValues(
        attack,
        markers.flatMap((marker) => [
          Buffer.concat([Buffer.from([marker]), Buffer.alloc(6, marker)]),
          amf.object({ app: Buffer.concat([Buffer.from([marker]), Buffer.alloc(6)]) }),
        ]),
      );
    },
  },
  {
    number: 26,
    title: 'noise as AMF3 ends at most its own session',
    expect: {},
    run: async (attack) => {
      const inputs = Array.from({ length: 60 }, (_, at) => at);
      await attack.each(inputs, async (at) => {
        const peer = at % 2 === 0 ? await attack.connected() : await attack.shake();
        const noise = Buffer.concat([Buffer.from([0x11, at % 19]), randomBytes(40)]);
        const called = commandPayload('connect', 1, noise);
        const payloads = [
          noise,
          Buffer.concat([Buffer.from([0]), called]),
          Buffer.from([0]),
          Buffer.alloc(0),
        ];
        const type = at % 3 === 0 ? messageType.dataAmf3 : messageType.commandAmf3;
        for (const payload of payloads) await peer.send({ type, payload, msid: 0 });
        await peer.connection.closedWithin(50);
      });
    },
  },
  {
    number: 27,
    title: '60,000 properties, a 64 KB app and a 16 MB command are refused without harm',
    expect: { memoryMiB: 128 },
    run: async (attack) => {
      const numbered = Array.from({ length: 60_000 }, (_, at) => [`p${at}`, amf.null] as const);
      await sendValues(attack, [
        amf.object(Object.fromEntries(numbered)),
        amf.object({ app: amf.string('a'.repeat(65_000)), tcUrl: amf.string('rtmp://localhost/live') }),
        amf.object({ app: amf.longString('a'.repeat(70_000)), tcUrl: amf.string('rtmp://localhost/live') }),
      ]);
      const peer = await attack.connected();
      const payload = commandPayload('call', 9, amf.longString('x'.repeat(15 * MiB)));
      await peer.connection.closedWithin(10);
      void peer.send({ type: messageType.command, payload });
      await peer.connection.closedWithin(1000);
    },
  },
];

/** Sends each value as the object of connect, as the argument of a later command, and as metadata. */
async function sendValues(attack: Attack, values: readonly Buffer[]): Promise<void> {
  await attack.each(
    values,
    async (value) => {
      const first = await attack.shake();
      await first.send({ type: messageType.command, payload: commandPayload('connect', 1, value) });
      const later = await attack.connected();
      await later.send({ type: messageType.command, payload: commandPayload('createStream', 2, value) });
      await later.send({
        type: messageType.command,
        payload: commandPayload('publish', 3, amf.null, value),
        msid: 1,
      });
      await later.send({
        type: messageType.command,
        payload: commandPayload('play', 4, amf.null, value),
        msid: 1,
      });
      await later.send({ type: messageType.command, payload: value });
      const metadata = Buffer.concat([amf.string('@setDataFrame'), amf.string('onMetaData'), value]);
      await later.send({ type: messageType.data, payload: metadata, msid: 1 });
      await later.connection.closedWithin(200);
    },
    4,
  );
}
