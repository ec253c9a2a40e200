import { randomBytes } from 'node:crypto';
import type { AbuseCase } from '../abuse-case.ts';
import type { Attack } from '../attack.ts';
import { elapsed } from '../raw-connection.ts';
import { amf, messageType } from '../rtmp-bytes.ts';
import type { RtmpPeer } from '../rtmp-peer.ts';

const MiB = 1024 * 1024;
const keyframe = Buffer.from('170100000000000004650102030405', 'hex');
const aacHeader = Buffer.from('af001210', 'hex');

/** First bytes of video and audio bodies: H.264, old codecs, each Enhanced RTMP packet type, commands, MP3, AAC. */
const videoFirstBytes = [0x17, 0x27, 0x57, 0x12, 0x2c, 0x00, 0xff, ...range(0x80, 0xa0), 0xd0, 0xd7];
const audioFirstBytes = [0xaf, 0x2f, 0x00, 0xff, ...range(0x90, 0xa0)];

/** Attacks with the media itself; each by an ordinary publisher of its own name with viewers on it. */
export const mediaCases: readonly AbuseCase[] = [
  {
    number: 42,
    title: 'audio and video bodies of 0 to 12 bytes end at most their own session',
    expect: {},
    run: async (attack) => {
      await mediaBeforePublish(attack);
      let publisher = await watchedPublisher(attack, 'short-bodies');
      const heads = [
        ...videoFirstBytes.map((first) => ({ type: messageType.video, first })),
        ...audioFirstBytes.map((first) => ({ type: messageType.audio, first })),
      ];
      for (const { type, first } of heads) {
        for (let length = 0; length <= 12; length += 1) {
          const payload = Buffer.alloc(length, 0x01);
          if (length > 0) payload[0] = first;
          if (publisher.connection.isClosed) {
            publisher = await attack.publisher(`short-bodies-${first}-${length}`);
          }
          await publisher.send({ type, msid: 1, payload });
        }
      }
      await publisher.connection.closedWithin(200);
    },
  },
  {
    number: 43,
    title: 'codec configurations and NAL units with impossible lengths end at most their own session',
    expect: {},
    run: async (attack) => {
      const video = [
        '1700000000',
        '170000000001',
        '170000000001640028ffe1ffff',
        '1700000000ff00ff00ffffffff',
        '80',
        '9068766331',
      ].map((hex) => Buffer.from(hex, 'hex'));
      video.push(Buffer.from('1701000000ffffffff65', 'hex'), Buffer.from('2701ffffff7fffffff41', 'hex'));
      video.push(Buffer.concat([Buffer.from('9068766331', 'hex'), Buffer.alloc(40, 0xff)]));
      const publisher = await watchedPublisher(attack, 'bad-configurations');
      for (const payload of video) await publisher.send({ type: messageType.video, msid: 1, payload });
      for (const hex of ['af00', 'af00ff', 'af00ffffffffff', '9000', '904f707573ff']) {
        await publisher.send({ type: messageType.audio, msid: 1, payload: Buffer.from(hex, 'hex') });
      }
      await publisher.connection.closedWithin(500);
    },
  },
  {
    number: 44,
    title: 'timestamps that go back, jump and wrap end at most their own session',
    expect: {},
    run: async (attack) => {
      const publisher = await watchedPublisher(attack, 'bad-timestamps');
      const times = [
        0, 40, 20, 0, 10_000_000, 5, 0x7fffffff, 0x80000000, 0xffffffff, 0, 0xfffffe, 0xffffff, 0x1000000,
      ];
      const random = Array.from({ length: 300 }, () => randomBytes(4).readUInt32BE());
      for (const timestamp of [...times, ...random]) {
        await publisher.send({ type: messageType.video, msid: 1, timestamp, payload: keyframe });
        await publisher.send({
          type: messageType.audio,
          msid: 1,
          timestamp,
          payload: Buffer.from('af0121', 'hex'),
        });
      }
      await publisher.connection.closedWithin(500);
    },
  },
  {
    number: 45,
    title: 'a group of 300 MB without a keyframe is bounded in every cache',
    expect: { memoryMiB: 192 },
    run: async (attack) => {
      const publisher = await watchedPublisher(attack, 'giant-group');
      await publisher.send({ type: messageType.video, msid: 1, payload: keyframe });
      const payload = Buffer.concat([Buffer.from('2701000000', 'hex'), randomBytes(60_000)]);
      for (let at = 1; at < 5000 && !publisher.connection.isClosed; at += 1) {
        await publisher.send({ type: messageType.video, msid: 1, timestamp: at * 40, payload });
      }
      await publisher.connection.closedWithin(500);
    },
  },
  {
    number: 46,
    title: 'audio without any keyframe and a flood of sequence headers stay within their caches',
    expect: { memoryMiB: 96 },
    run: async (attack) => {
      const publisher = await watchedPublisher(attack, 'header-flood');
      const header = Buffer.concat([Buffer.from('1700000000', 'hex'), randomBytes(2000)]);
      for (let at = 0; at < 8000 && !publisher.connection.isClosed; at += 1) {
        void publisher.send({ type: messageType.audio, msid: 1, timestamp: at, payload: aacHeader });
        void publisher.send({
          type: messageType.audio,
          msid: 1,
          timestamp: at,
          payload: Buffer.alloc(300, 0xaf),
        });
        await publisher.send({ type: messageType.video, msid: 1, timestamp: at, payload: header });
      }
      await publisher.connection.closedWithin(500);
    },
  },
  {
    number: 48,
    title: 'of 300 metadata messages of 60 KB only the last is kept',
    expect: { memoryMiB: 96 },
    run: async (attack) => {
      const publisher = await watchedPublisher(attack, 'metadata-flood');
      const values = amf.ecmaArray({ filler: amf.string('m'.repeat(60_000)) });
      const payload = Buffer.concat([amf.string('@setDataFrame'), amf.string('onMetaData'), values]);
      for (let at = 0; at < 300 && !publisher.connection.isClosed; at += 1) {
        await publisher.send({ type: messageType.data, msid: 1, payload });
      }
      await publisher.connection.closedWithin(500);
    },
  },
  {
    number: 49,
    title: 'viewers that never read a stream of 120 Mbit/s are bounded in memory and then disconnected',
    expect: { memoryMiB: 256, needs: ['http'] },
    run: async (attack) => {
      const publisher = await attack.publisher('fast');
      const fast = sendFast(publisher, attack.target.bounds.slowViewerMs + 6000);
      const stalled = await stalledViewers(attack, 'fast', 10);
      await elapsed(attack.target.bounds.slowViewerMs + 3000);
      for (const viewer of stalled) viewer.resume();
      const closed = await Promise.all(stalled.map(async (viewer) => viewer.closedWithin(2500)));
      const left = closed.filter((isClosed) => !isClosed).length;
      attack.check(left === 0, `${left} of ${stalled.length} viewers that never read are still connected`);
      publisher.connection.reset();
      await fast;
    },
  },
];

async function mediaBeforePublish(attack: Attack): Promise<void> {
  await attack.each([messageType.video, messageType.audio, messageType.data], async (type) => {
    for (const peer of [await attack.shake(), await attack.connected()]) {
      for (const length of [0, 1, 2, 5]) await peer.send({ type, msid: 1, payload: Buffer.alloc(length) });
      await peer.connection.closedWithin(100);
    }
  });
}

/** A publisher with an RTMP viewer and, where served, an HTTP-FLV viewer that read all they get. */
async function watchedPublisher(attack: Attack, name: string): Promise<RtmpPeer> {
  const publisher = await attack.publisher(name);
  const viewer = await attack.shake();
  void viewer.play(attack.target.app, name);
  if (attack.target.http !== undefined) {
    const flv = await attack.open(attack.target.http);
    void flv.send(flvRequest(attack, name));
  }
  await elapsed(100);
  return publisher;
}

async function stalledViewers(attack: Attack, name: string, each: number): Promise<RtmpPeer['connection'][]> {
  const viewers: RtmpPeer['connection'][] = [];
  for (let at = 0; at < each; at += 1) {
    const rtmp = await attack.viewer(name);
    const flv = await attack.open(attack.target.http);
    await flv.send(flvRequest(attack, name));
    const webSocket = await attack.open(attack.target.http);
    await webSocket.send(webSocketRequest(attack, name));
    await Promise.all([flv, webSocket].map(async (viewer) => firstBytes(viewer)));
    for (const viewer of [rtmp.connection, flv, webSocket]) {
      viewer.pause();
      viewers.push(viewer);
    }
  }
  return viewers;
}

async function firstBytes(viewer: RtmpPeer['connection']): Promise<void> {
  for (let turn = 0; turn < 200 && viewer.receivedBytes === 0 && !viewer.isClosed; turn += 1) {
    await elapsed(10);
  }
}

/** 25 frames of 600 KB a second: 120 Mbit/s, a keyframe each second. */
async function sendFast(publisher: RtmpPeer, forMs: number): Promise<void> {
  const filler = randomBytes(0.57 * MiB);
  const startedAtMs = performance.now();
  for (let at = 0; performance.now() - startedAtMs < forMs && !publisher.connection.isClosed; at += 1) {
    const payload = Buffer.concat([Buffer.from(at % 25 === 0 ? '1701000000' : '2701000000', 'hex'), filler]);
    await publisher.send({ type: messageType.video, msid: 1, timestamp: at * 40, payload });
    await elapsed(Math.max(0, startedAtMs + (at + 1) * 40 - performance.now()));
  }
}

function flvRequest(attack: Attack, name: string): Buffer {
  return Buffer.from(`GET /${attack.target.app}/${name}.flv HTTP/1.1\r\nHost: localhost\r\n\r\n`);
}

function webSocketRequest(attack: Attack, name: string): Buffer {
  return Buffer.from(
    `GET /${attack.target.app}/${name}.flv HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}
