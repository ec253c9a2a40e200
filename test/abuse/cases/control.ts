import { randomBytes } from 'node:crypto';
import type { AbuseCase } from '../abuse-case.ts';
import { type Attack, goodStreamName } from '../attack.ts';
import { elapsed } from '../raw-connection.ts';
import { control, messageType, uint32, userControl } from '../rtmp-bytes.ts';

const pingRequest = 6;
const goodVideo = Buffer.from('170100000000000004650a0b0c', 'hex');
const forgedVideo = Buffer.from('170100000000000004deadbeef', 'hex');
const floodBytes = 24 * 1024 * 1024;

/** Attacks with protocol control and user control messages, and with message types nobody knows. */
export const controlCases: readonly AbuseCase[] = [
  {
    number: 10,
    title: 'control messages shorter than their fields end at most their own connection',
    expect: {},
    run: async (attack) => {
      const inputs = [1, 2, 3, 4, 5, 6].flatMap((type) => [0, 1, 2, 3].map((length) => ({ type, length })));
      await attack.each(inputs, async ({ type, length }) => {
        // A parser that waits for a byte of payload acts on an empty message only when the next one comes.
        const short = control(type, Buffer.alloc(length));
        const before = await attack.shake();
        await before.connection.send(Buffer.concat([short, short]));
        const after = await attack.connected();
        await after.connection.send(Buffer.concat([short, short]));
        await after.connection.closedWithin(100);
      });
    },
  },
  {
    number: 17,
    title: 'a Window Acknowledgement Size of 0, 1 or 2^32-1 causes at most one acknowledgement a read',
    expect: {},
    run: async (attack) => {
      for (const size of [0, 1, 0xffffffff]) await countAcknowledgements(attack, size);
    },
  },
  {
    number: 18,
    title: 'a flood of pings whose answers are never read is bounded in memory',
    expect: { memoryMiB: 64 },
    run: async (attack) => {
      const { connection } = await attack.connected();
      connection.pause();
      const pings = Buffer.concat(Array.from({ length: 4000 }, () => userControl(pingRequest, uint32(1))));
      for (let sent = 0; sent < floodBytes; sent += pings.length) {
        if ((await connection.sendWithin(pings, 3000)) !== 'sent') break;
      }
    },
  },
  {
    number: 19,
    title: 'unknown message types with nothing or noise in them end at most their own connection',
    expect: {},
    run: async (attack) => {
      const types = Array.from({ length: 256 }, (_, type) => type);
      await attack.each(types, async (type) => {
        for (const payload of [Buffer.alloc(0), randomBytes(16)]) {
          const peer = await attack.connected();
          await peer.send({ type, payload, csid: 9, msid: 1 });
          await peer.send({ type, payload, csid: 9, msid: 1 });
          await peer.connection.closedWithin(50);
          peer.connection.reset();
        }
      });
    },
  },
  {
    number: 20,
    title: 'audio and video on message stream 0 or on one never created reaches nobody',
    expect: {},
    run: async (attack) => {
      const publisher = await attack.publisher('other-stream');
      const viewer = await attack.viewer('other-stream');
      let [good, forged] = [0, 0];
      viewer.onMedia = ({ payload }) => {
        if (payload.equals(goodVideo)) good += 1;
        if (payload.equals(forgedVideo)) forged += 1;
      };
      for (let sent = 0; sent < 20; sent += 1) {
        const timestamp = sent * 40;
        await publisher.send({ type: messageType.video, msid: 1, timestamp, payload: goodVideo });
        for (const msid of [0, 99]) {
          await publisher.send({ type: messageType.video, msid, timestamp, payload: forgedVideo });
        }
        await elapsed(10);
      }
      const stranger = await attack.connected();
      await stranger.send({ type: messageType.video, msid: 1, payload: forgedVideo });
      await elapsed(500);
      attack.check(good > 0, 'no frame of the own stream was relayed');
      attack.check(forged === 0, `${forged} frames of other message streams were relayed`);
    },
  },
  {
    number: 35,
    title: 'media and metadata sent by a viewer reach nobody and close its connection',
    expect: {},
    run: async (attack) => {
      const viewer = await attack.viewer(goodStreamName);
      const forged = { msid: 1, timestamp: 1 };
      for (let sent = 0; sent < 200 && !viewer.connection.isClosed; sent += 1) {
        void viewer.send({
          ...forged,
          type: messageType.video,
          payload: Buffer.from('2701000000deadbeef', 'hex'),
        });
        void viewer.send({ ...forged, type: messageType.audio, payload: Buffer.from('af01deadbeef', 'hex') });
        await elapsed(5);
      }
      await attack.checkClosed(viewer.connection, 2000, 'a viewer that sends media');
    },
  },
];

async function countAcknowledgements(attack: Attack, size: number): Promise<void> {
  const peer = await attack.connected();
  await peer.connection.send(control(messageType.windowAckSize, uint32(size)));
  const before = peer.answers.length;
  const writes = 200;
  for (let sent = 0; sent < writes; sent += 1) {
    await peer.connection.send(Buffer.concat([1, 2, 3].map(() => userControl(3, Buffer.alloc(8)))));
    if (sent % 20 === 0) await elapsed(1);
  }
  await elapsed(200);
  const acks = peer.answers
    .slice(before)
    .filter((answer) => answer.type === messageType.acknowledgement).length;
  attack.check(acks <= writes, `window ${size}: ${acks} acknowledgements for ${writes} writes`);
}
