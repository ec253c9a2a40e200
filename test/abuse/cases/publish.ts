import type { AbuseCase } from '../abuse-case.ts';
import { goodStreamName } from '../attack.ts';
import { elapsed } from '../raw-connection.ts';
import { amf, commandPayload, message, messageType, setChunkSize } from '../rtmp-bytes.ts';
import { c0c1, c2, connectObject, peerChunkSize, type RtmpPeer } from '../rtmp-peer.ts';

const forgedVideo = Buffer.from('1701000000deadbeefdeadbeef', 'hex');
const forgedAudio = Buffer.from('af01deadbeef', 'hex');

/** Attacks on names and on the lifetimes of publishes and plays. */
export const publishCases: readonly AbuseCase[] = [
  {
    number: 31,
    title: '500 mutated sessions end at most themselves',
    expect: { memoryMiB: 128 },
    run: async (attack) => {
      const random = seeded(31);
      const turns = Array.from({ length: 500 }, (_, turn) => turn);
      const original = wholeSession('fuzzed', 'live');
      await attack.each(
        turns,
        async () => {
          const connection = await attack.open();
          await connection.send(Buffer.concat([c0c1, c2, mutate(original, random)]));
          await connection.closedWithin(30);
          connection.reset();
        },
        20,
      );
    },
  },
  {
    number: 32,
    title: '200 publishers that vanish release all their names',
    expect: { memoryMiB: 128 },
    run: async (attack) => {
      const names = Array.from({ length: 200 }, (_, at) => `flood-${at}`);
      const peers: RtmpPeer[] = [];
      await attack.each(names, async (name) => {
        const peer = await attack.publisher(name);
        peers.push(peer);
        await peer.send({ type: messageType.video, msid: 1, payload: forgedVideo });
      });
      for (const peer of peers) peer.connection.reset();
      await attack.checkNamesFree(['flood-0', 'flood-99', 'flood-199'], 5000);
    },
  },
  {
    number: 33,
    title: 'publishers of a live name with media in the same write are refused and nothing of it is relayed',
    expect: {},
    run: async (attack) => {
      const turns = Array.from({ length: 60 }, (_, turn) => turn);
      await attack.each(turns, async () => {
        const connection = await attack.open();
        await connection.send(Buffer.concat([c0c1, c2, wholeSession(goodStreamName, attack.target.app)]));
        await connection.closedWithin(300);
        connection.reset();
      });
    },
  },
  {
    number: 38,
    title: 'a session that plays 1,500 missing names leaves nothing behind',
    expect: { memoryMiB: 96 },
    run: async (attack) => {
      const peer = await attack.connected();
      const msid = (await peer.createStream()) ?? 1;
      for (let at = 0; at < 1500 && !peer.connection.isClosed; at += 1) {
        await peer.command('play', 5, amf.null, amf.string(`missing-${at}`), { msid });
      }
      await peer.connection.closedWithin(1000);
      peer.connection.reset();
    },
  },
  {
    number: 39,
    title: 'a session that plays one stream 200 times gets it once',
    expect: {},
    run: async (attack) => {
      const peer = await attack.connected();
      const msid = (await peer.createStream()) ?? 1;
      for (let sent = 0; sent < 200; sent += 1) {
        await peer.command('play', 5, amf.null, amf.string(goodStreamName), { msid });
      }
      await elapsed(1500);
      const before = peer.mediaCount;
      await elapsed(2000);
      const perSecond = (peer.mediaCount - before) / 2;
      attack.check(perSecond <= 100, `${perSecond} messages a second arrive of a stream that has 50`);
    },
  },
  {
    number: 40,
    title: 'a publisher of 50 names on one stream that resets leaves every name free',
    expect: {},
    run: async (attack) => {
      const peer = await attack.connected();
      const msid = (await peer.createStream()) ?? 1;
      const names = Array.from({ length: 50 }, (_, at) => `many-${at}`);
      for (const name of names) await peer.command('publish', 5, amf.null, amf.string(name), { msid });
      await peer.connection.closedWithin(300);
      peer.connection.reset();
      await attack.checkNamesFree(['many-0', 'many-1', 'many-25', 'many-49'], 5000);
    },
  },
];

/** All that a publisher sends after the handshake, in one piece and without waiting for any answer. */
function wholeSession(name: string, app: string): Buffer {
  const chunkSize = peerChunkSize;
  const command = (payload: Buffer, msid = 0): Buffer =>
    message({ type: messageType.command, payload, msid, chunkSize });
  const metadata = Buffer.concat([amf.string('@setDataFrame'), amf.string('onMetaData'), amf.ecmaArray({})]);
  const media = Array.from({ length: 10 }, (_, at) => [
    message({ type: messageType.video, msid: 1, timestamp: at * 40, payload: forgedVideo }),
    message({ type: messageType.audio, msid: 1, timestamp: at * 40, payload: forgedAudio }),
  ]);
  return Buffer.concat([
    setChunkSize(chunkSize),
    command(commandPayload('connect', 1, connectObject(app))),
    command(commandPayload('createStream', 2, amf.null)),
    command(commandPayload('publish', 3, amf.null, amf.string(name), amf.string('live')), 1),
    message({ type: messageType.data, msid: 1, payload: metadata }),
    ...media.flat(),
  ]);
}

/** Flips, overwrites, removes or repeats a few stretches of the bytes. */
function mutate(original: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random(6); changes > 0; changes -= 1) {
    const at = random(bytes.length);
    const stretch = bytes.subarray(at, at + random(8));
    const kind = random(4);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) stretch.fill(random(2) === 0 ? 0 : 0xff);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + stretch.length)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), stretch, bytes.subarray(at)]);
  }
  return bytes;
}

/** A small generator (mulberry32), so that a failing session can be sent again. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
