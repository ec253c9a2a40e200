// Questions about a server whose answers decide whether it can take publishes from strangers. They are asked on the
// wire, so that any server can be compared: see docs/decisions/0001-own-rtmp-ingest.md.
import { randomBytes } from 'node:crypto';
import { Attack } from './attack.ts';
import { MemoryWatch } from './process-watch.ts';
import { elapsed } from './raw-connection.ts';
import {
  amf,
  chunkHeader,
  commandPayload,
  control,
  message,
  messageType,
  setChunkSize,
  uint32,
} from './rtmp-bytes.ts';
import { peerChunkSize, type RtmpPeer } from './rtmp-peer.ts';
import type { Target } from './server.ts';

/** An answer: is it what a server should do, and what was seen. */
export interface FactAnswer {
  readonly isGood: boolean;
  readonly seen: string;
}

/** One question. */
export interface Fact {
  readonly question: string;
  /** Asked of a server that lets only publishers with `publishQuery` publish. */
  readonly needsGuard?: boolean;
  ask(attack: Attack, publishQuery: string): Promise<FactAnswer>;
}

const forgedVideo = Buffer.from('170100000000000004deadbeef', 'hex');
const plainVideo = Buffer.from('170100000000000002650a', 'hex');

/** All questions, in the order of the decision record. */
export const facts: readonly Fact[] = [
  {
    question: 'does media of a publisher without the right reach viewers?',
    needsGuard: true,
    ask: async (attack, publishQuery) => {
      const publisher = await attack.publisher(`guarded${publishQuery}`);
      const relayed = countRelayed(await attack.viewer('guarded'));
      const refused = await attack.connected();
      const msid = (await refused.createStream()) ?? 1;
      await sendVideo([publisher], plainVideo, 10);
      await refused.connection.send(publishAndMedia('guarded', msid));
      await elapsed(500);
      return relayed();
    },
  },
  {
    question: 'do frames sent by a viewer reach other viewers?',
    ask: async (attack) => {
      const publisher = await attack.publisher('injected');
      const [victim, attacker] = [await attack.viewer('injected'), await attack.viewer('injected')];
      const relayed = countRelayed(victim);
      await sendVideo([publisher], plainVideo, 10);
      await sendVideo([attacker], forgedVideo, 20);
      await elapsed(500);
      return relayed();
    },
  },
  {
    question: 'does media carry the message stream id that the viewer plays on?',
    ask: async (attack) => {
      const publisher = await attack.publisher('stream-id');
      const viewer = await attack.connected();
      await viewer.createStream(2);
      const played = (await viewer.createStream(3)) ?? 2;
      const seen = new Set<number>();
      viewer.onMedia = (received) => seen.add(received.msid);
      void viewer.command('play', 4, amf.null, amf.string('stream-id'), { msid: played });
      await viewer.answered('NetStream.Play.Start');
      await sendVideo([publisher], plainVideo, 20);
      await elapsed(500);
      const ids = [...seen];
      return {
        isGood: ids.length === 1 && ids[0] === played,
        seen: `played on ${played}, media on ${ids.join(', ')}`,
      };
    },
  },
  {
    question: 'do two 3-byte chunk stream ids (322 and 577) stay apart?',
    ask: async (attack) => {
      const publisher = await attack.publisher('chunk-ids');
      const viewer = await attack.viewer('chunk-ids');
      const intact = new Set<string>();
      viewer.onMedia = (received) => intact.add(received.payload.toString('hex'));
      const video = Buffer.concat([plainVideo.subarray(0, 5), randomBytes(295)]);
      const audio = Buffer.concat([Buffer.from('af01', 'hex'), randomBytes(298)]);
      await publisher.connection.send(interleaved(video, audio));
      await elapsed(500);
      const count = [video, audio].filter((payload) => intact.has(payload.toString('hex'))).length;
      return { isGood: count === 2, seen: `${count} of 2 interleaved messages arrived intact` };
    },
  },
  {
    question: 'is a Window Acknowledgement Size of 100,000 answered over 1 MB?',
    ask: async (attack) => {
      const publisher = await attack.publisher('acknowledged');
      await publisher.connection.send(control(messageType.windowAckSize, uint32(100_000)));
      await sendVideo([publisher], Buffer.concat([plainVideo.subarray(0, 5), randomBytes(49_995)]), 20);
      await elapsed(500);
      const acks = publisher.answers.filter((answer) => answer.type === messageType.acknowledgement).length;
      return { isGood: acks >= 8, seen: `${acks} acknowledgements` };
    },
  },
  {
    question: 'is memory bounded when one viewer of 80 Mbit/s reads nothing for 30 s?',
    ask: async (attack) => {
      const memory = new MemoryWatch(attack.target.pid ?? 0);
      const publisher = await attack.publisher('stalled');
      const viewer = await attack.viewer('stalled');
      viewer.connection.pause();
      const frame = Buffer.concat([plainVideo.subarray(0, 5), randomBytes(400_000)]);
      await sendVideo([publisher], frame, 750);
      const grownMiB = Math.round(memory.stop());
      return { isGood: grownMiB <= 128, seen: `resident memory grew by ${grownMiB} MiB` };
    },
  },
];

/** Asks one question of a server; connections are closed afterwards. */
export async function askFact(fact: Fact, target: Target, publishQuery = ''): Promise<FactAnswer> {
  const attack = new Attack(target);
  try {
    return await fact.ask(attack, publishQuery);
  } finally {
    attack.cleanUp();
  }
}

/** Judges what a viewer gets while 10 good and 20 forged frames are sent: all of the ones, none of the others. */
function countRelayed(viewer: RtmpPeer): () => FactAnswer {
  let [good, forged] = [0, 0];
  viewer.onMedia = ({ payload }) => {
    if (payload.equals(plainVideo)) good += 1;
    if (payload.equals(forgedVideo)) forged += 1;
  };
  return () => ({
    isGood: good > 0 && forged === 0,
    seen: `${forged} of 20 forged frames arrived, ${good} of 10 good ones`,
  });
}

/** Sends the frame from each peer, 25 times a second. */
async function sendVideo(peers: readonly RtmpPeer[], payload: Buffer, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    for (const peer of peers) {
      void peer.send({ type: messageType.video, msid: 1, timestamp: at * 40, payload });
    }
    await elapsed(40);
  }
}

/** A video message on chunk stream 577 and an audio message on 322, of 300 bytes each, chunk by chunk in turns. */
function interleaved(video: Buffer, audio: Buffer): Buffer {
  const parts = [setChunkSize(100)];
  for (let offset = 0; offset < 300; offset += 100) {
    const fmt = offset === 0 ? 0 : 3;
    const header = { fmt, length: 300, msid: 1 } as const;
    parts.push(
      chunkHeader({ ...header, csid: 577, type: messageType.video }),
      video.subarray(offset, offset + 100),
    );
    parts.push(
      chunkHeader({ ...header, csid: 322, type: messageType.audio }),
      audio.subarray(offset, offset + 100),
    );
  }
  return Buffer.concat(parts);
}

/** A publish command and 20 forged frames in one piece: whoever sends so does not wait for an answer. */
function publishAndMedia(name: string, msid: number): Buffer {
  const payload = commandPayload('publish', 3, amf.null, amf.string(name), amf.string('live'));
  const publish = message({ type: messageType.command, msid, payload, chunkSize: peerChunkSize });
  const media = message({ type: messageType.video, msid, payload: forgedVideo, chunkSize: peerChunkSize });
  return Buffer.concat([publish, ...Array.from({ length: 20 }, () => media)]);
}
