import { randomBytes } from 'node:crypto';
import type { AbuseCase } from '../abuse-case.ts';
import { atOnceMs, type Attack } from '../attack.ts';
import { chunkHeader, control, message, messageType, setChunkSize, uint32 } from '../rtmp-bytes.ts';
import type { RtmpPeer } from '../rtmp-peer.ts';

const MiB = 1024 * 1024;
const largestLength = 0xffffff;

/** Attacks on chunk reassembly. */
export const chunkCases: readonly AbuseCase[] = [
  {
    number: 8,
    title: 'Set Chunk Size 0 closes the connection at once',
    expect: {},
    run: async (attack) => badChunkSize(attack, 0),
  },
  {
    number: 9,
    title: 'Set Chunk Size with the highest bit set closes the connection at once',
    expect: {},
    run: async (attack) => {
      for (const size of [0x80000000, 0x80000080, 0xffffffff]) await badChunkSize(attack, size);
    },
  },
  {
    number: 11,
    title: '60,000 chunk streams with unfinished messages are closed at the limit',
    expect: { memoryMiB: 64 },
    run: async (attack) => {
      const { connection } = await attack.connected();
      await connection.send(setChunkSize(8));
      for (let csid = 64; csid < 60_064; csid += 200) {
        const chunks = Array.from({ length: 200 }, (_, at) =>
          opening({ csid: csid + at, length: 1000, bytes: 8 }),
        );
        if ((await connection.sendWithin(Buffer.concat(chunks), 2000)) !== 'sent') break;
      }
      await attack.checkClosed(connection, atOnceMs, '60,000 chunk streams');
    },
  },
  {
    number: 12,
    title: 'messages that never complete are closed at the reassembly budget',
    expect: { memoryMiB: 128 },
    run: async (attack) => {
      await neverComplete(attack, { count: 40, announcedMiB: 12 });
      await neverComplete(attack, { count: 20, announcedMiB: 9 });
    },
  },
  {
    number: 13,
    title: '400 announced messages of the largest size cost only what was received',
    expect: { memoryMiB: 64 },
    run: async (attack) => {
      for (const length of [largestLength, 9 * MiB]) {
        for (let connections = 0; connections < 4; connections += 1) {
          const { connection } = await attack.connected();
          await connection.send(setChunkSize(128));
          const heads = Array.from({ length: 100 }, (_, at) =>
            opening({ csid: 64 + at, length, bytes: 128 }),
          );
          await connection.sendWithin(Buffer.concat(heads), 2000);
        }
      }
      await attack.shake();
    },
  },
  {
    number: 14,
    title: 'a chunk that inherits from a chunk stream never seen closes the connection',
    expect: {},
    run: async (attack) => {
      await attack.each([2, 3] as const, async (fmt) => {
        const { connection } = await attack.connected();
        await connection.send(
          Buffer.concat([chunkHeader({ fmt, csid: 40, timestamp: 1 }), Buffer.alloc(64)]),
        );
        await attack.checkClosed(connection, atOnceMs, `fmt ${fmt} on an unknown chunk stream`);
      });
      const lenient = await attack.connected();
      // librtmp opens chunk stream 2 with fmt 1 after Window Acknowledgement Size: message stream 0 is meant.
      const setBufferLength = Buffer.from('00030000000100000bb8', 'hex');
      await lenient.send({ fmt: 1, csid: 40, type: messageType.userControl, payload: setBufferLength });
      attack.check(
        (await lenient.createStream()) !== undefined,
        'fmt 1 on an unknown chunk stream was not accepted',
      );
    },
  },
  {
    number: 15,
    title: 'a new header inside an unfinished message never mixes two messages',
    expect: {},
    run: async (attack) => {
      const unfinished = chunkHeader({ csid: 6, type: 9, length: 5000, msid: 1 });
      const piece = Buffer.alloc(128);
      const seconds = [
        chunkHeader({ csid: 6, type: 9, length: 10, msid: 1 }),
        chunkHeader({ fmt: 1, csid: 6, type: 9, length: 10 }),
        chunkHeader({ fmt: 1, csid: 6, type: 20, length: 130 }),
        chunkHeader({ fmt: 2, csid: 6, timestamp: 5 }),
        chunkHeader({ csid: 6, type: 9, length: 0, msid: 1 }),
      ];
      await attack.each(seconds, async (second) => {
        const { connection } = await attack.connected();
        await connection.send(setChunkSize(128));
        await connection.send(Buffer.concat([unfinished, piece, second, piece, piece, second, piece]));
        await connection.closedWithin(200);
      });
    },
  },
  {
    number: 16,
    title: 'a flood of Abort messages with odd chunk stream ids costs nothing but its reading',
    expect: {},
    run: async (attack) => {
      const { connection } = await attack.connected();
      const aborts = [0, 1, 2, 63, 64, 65_599, 0xffffffff].map((csid) =>
        control(messageType.abort, uint32(csid)),
      );
      const flood = Buffer.concat(Array.from({ length: 7000 }, () => aborts).flat());
      await connection.sendWithin(flood, 5000);
    },
  },
  {
    number: 47,
    title: 'frames above the message limit close the connection and are not kept',
    expect: { memoryMiB: 96 },
    run: async (attack) => {
      const publisher = await attack.publisher('giant-frames');
      const payload = Buffer.concat([Buffer.from('2701000000', 'hex'), randomBytes(largestLength - 5)]);
      const giant = message({ type: 9, msid: 1, payload, chunkSize: publisher.chunkSize });
      for (let sent = 0; sent < 5; sent += 1) {
        if ((await publisher.connection.sendWithin(giant, 5000)) !== 'sent') break;
      }
      await attack.checkClosed(publisher.connection, atOnceMs, 'frames of 16 MB');
    },
  },
];

async function badChunkSize(attack: Attack, size: number): Promise<void> {
  const { connection }: RtmpPeer = await attack.connected();
  await connection.send(setChunkSize(size));
  // A server that computed with it would now be asked to.
  await connection.send(message({ type: messageType.video, msid: 1, payload: Buffer.alloc(400) }));
  await attack.checkClosed(connection, atOnceMs, `chunk size ${size}`);
}

/** Sends all of each message but its last MiB. */
async function neverComplete(attack: Attack, flood: { count: number; announcedMiB: number }): Promise<void> {
  const { connection } = await attack.connected();
  await connection.send(setChunkSize(MiB));
  const payload = Buffer.alloc((flood.announcedMiB - 1) * MiB, 7);
  for (let at = 0; at < flood.count; at += 1) {
    const header = { csid: 64 + at, type: messageType.video, length: flood.announcedMiB * MiB, msid: 1 };
    const unfinished = message({ ...header, payload, chunkSize: MiB });
    if ((await connection.sendWithin(unfinished, 5000)) !== 'sent') break;
  }
  const what = `${flood.count} unfinished messages of ${flood.announcedMiB} MiB`;
  await attack.checkClosed(connection, atOnceMs, what);
}

/** The first chunk of a longer message. */
function opening(chunk: { csid: number; length: number; bytes: number }): Buffer {
  const header = chunkHeader({ csid: chunk.csid, type: messageType.video, length: chunk.length, msid: 1 });
  return Buffer.concat([header, Buffer.alloc(chunk.bytes)]);
}
