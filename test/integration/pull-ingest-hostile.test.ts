// Sources that lie, stall and attack. Whatever they do stays with their job, which says what was wrong and tries again.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { defer } from '../support/cleanup.ts';
import { freePort } from '../support/free-port.ts';
import { PullRig } from '../support/pull-rig.ts';
import {
  interleaved,
  rtp,
  rtspAnswer,
  type RtspMethod,
  type RtspPeerScript,
  startRtspPeer,
} from '../support/rtsp-peer.ts';
import type { PairViewer } from '../support/streaming-pair.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const pastDeadlineMs = 10_100;
const aacSdp = (fmtp: string): string =>
  `v=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\na=fmtp:97 ${fmtp}\r\n`;

/** Of all processes. */
async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map(async (pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}

/** Writes the same bytes until the other side has had enough. */
function flood(socket: Socket, bytes: Buffer | (() => Buffer)): void {
  const write = (): void => {
    while (!socket.destroyed && socket.write(typeof bytes === 'function' ? bytes() : bytes));
  };
  socket.on('drain', write);
  write();
}

function endlessFragments(): () => Buffer {
  let sequence = 0;
  return () => {
    // FU-A of an IDR slice that begins and never ends (RFC 6184 §5.8).
    const payload = Buffer.concat([Buffer.from([0x7c, sequence === 0 ? 0x85 : 0x05]), Buffer.alloc(60_000)]);
    return interleaved(0, rtp({ payloadType: 96, sequence: sequence++, timestamp: 90_000, payload }));
  };
}

const picture = Buffer.from([0x65, 1, 2, 3, 4]);

interface HostileCase {
  readonly what: string;
  readonly script: RtspPeerScript;
  readonly says: string;
  /** True where only time tells. */
  readonly isSlow?: boolean;
  /** True where it agrees to play before. */
  readonly hasPlayed?: boolean;
}

const cases: readonly HostileCase[] = [
  {
    what: 'says nothing',
    script: { connected: () => undefined },
    says: 'did not begin to send within 10 s',
    isSlow: true,
  },
  { what: 'hangs up at once', script: { connected: (socket) => socket.destroy() }, says: 'the connection' },
  {
    what: 'answers with bytes without end or meaning',
    script: { connected: (socket) => flood(socket, Buffer.alloc(16_384, 0xa5)) },
    says: 'no end after 65536 bytes',
  },
  {
    what: 'answers with headers without end',
    script: {
      answers: {
        DESCRIBE: (socket, sequence) => {
          socket.write(`RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\n`);
          flood(socket, Buffer.from('X-More: and more\r\n'.repeat(500)));
        },
      },
    },
    says: 'no end after 65536 bytes',
  },
  {
    what: 'announces a description of 2 GB',
    script: {
      answers: {
        DESCRIBE: (socket, sequence) =>
          socket.write(`RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nContent-Length: 2000000000\r\n\r\n`),
      },
    },
    says: 'has 2000000000 bytes, above 262144',
  },
  {
    what: 'speaks HTTP',
    script: { connected: (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n') },
    says: 'did not begin to send within 10 s',
    isSlow: true,
  },
  {
    what: 'has nothing under that name',
    script: {
      answers: { DESCRIBE: (socket, sequence) => socket.write(rtspAnswer(sequence, '404 Not Found')) },
    },
    says: 'DESCRIBE was answered 404 Not Found',
  },
  { what: 'describes nothing', script: { sdp: 'v=0\r\n' }, says: 'no media tracks' },
  { what: 'describes noise', script: { sdp: 'm=\r\na=\r\nm=video\r\n=\r\n\0' }, says: 'no media tracks' },
  {
    what: 'has only codecs that cannot be carried',
    script: {
      sdp: 'v=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\nm=application 0 RTP/AVP 98\r\n',
    },
    says: 'no track that can be carried (offered: audio',
  },
  {
    what: 'describes AAC in a way that has no end',
    script: { sdp: aacSdp('sizelength=-3;indexlength=3;config=1210') },
    says: 'no track that can be carried',
  },
  {
    what: 'sends parameter sets above all measure',
    script: {
      sdp: `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=${'A'.repeat(120_000)},AAAA\r\n`,
    },
    says: 'the engine cannot read',
  },
  {
    what: 'will not send over the same connection',
    script: {
      answers: {
        SETUP: (socket, sequence) => socket.write(rtspAnswer(sequence, '461 Unsupported Transport')),
      },
    },
    says: 'SETUP was answered 461 Unsupported Transport',
  },
  {
    what: 'will not play',
    script: {
      answers: { PLAY: (socket, sequence) => socket.write(rtspAnswer(sequence, '454 Session Not Found')) },
    },
    says: 'PLAY was answered 454 Session Not Found',
  },
  ...(['DESCRIBE', 'SETUP', 'PLAY'] as const).flatMap((method: RtspMethod): HostileCase[] => [
    {
      what: `hangs up instead of an answer to ${method}`,
      script: { answers: { [method]: (socket: Socket) => socket.destroy() } },
      says: 'the connection',
    },
    {
      what: `hangs up within its answer to ${method}`,
      script: {
        answers: {
          [method]: (socket: Socket, sequence: string) =>
            socket.end(`RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nContent-Le`),
        },
      },
      says: 'the source closed the connection',
    },
    {
      what: `never answers ${method}`,
      script: { answers: { [method]: () => undefined } },
      says: 'did not begin to send within 10 s',
      isSlow: true,
    },
  ]),
  {
    what: 'agrees to play and sends nothing',
    script: {},
    says: 'sent nothing for 10 s',
    isSlow: true,
    hasPlayed: true,
  },
  {
    what: 'sends packets that are no packets',
    script: {
      playing: (socket) => {
        for (let length = 0; length < 64; length++) {
          socket.write(interleaved(length % 4, Buffer.alloc(length, 0xff)));
        }
      },
    },
    says: 'sent nothing for 10 s',
    isSlow: true,
    hasPlayed: true,
  },
  {
    what: 'sends a report that is cut off',
    script: {
      playing: (socket) => void socket.write(interleaved(1, Buffer.from([0x80, 200, 0, 1, 1, 2, 3, 4]))),
    },
    says: 'the engine cannot read',
  },
  {
    what: 'sends media instead of an answer to PLAY',
    script: { answers: { PLAY: (socket) => flood(socket, endlessFragments()) } },
    says: 'media without agreeing to play',
  },
  {
    what: 'sends a picture without end',
    script: { playing: (socket) => flood(socket, endlessFragments()) },
    says: 'above 16777216 bytes',
  },
  {
    what: 'jumps in time',
    script: {
      playing: (socket) => {
        for (const [sequence, timestamp] of [1_000, 4_600, 900_000_000].entries()) {
          socket.write(
            interleaved(0, rtp({ payloadType: 96, sequence, timestamp, isLast: true, payload: picture })),
          );
        }
      },
    },
    says: "the source's clock jumped by",
  },
  {
    what: 'announces a packet of 65,535 bytes and hangs up within it',
    script: { playing: (socket) => socket.end(Buffer.from([0x24, 0, 0xff, 0xff, 0x80, 96])) },
    says: 'the source closed the connection',
  },
];

let rig: PullRig;
let viewer: PairViewer;

/** A stream beside the jobs: a picture that stands alone, many times a second. */
beforeAll(async () => {
  rig = await PullRig.start();
  const good = await rig.pair.publish('live/good');
  let timestampMs = 0;
  const send = (): void => {
    const payload = Buffer.from([0x17, 1, 0, 0, 0, 0, 0, 0, 5, 0x65, 0, 0, 0, 0]);
    payload.writeUInt32BE(timestampMs, 10);
    good.send('video', timestampMs, payload);
    timestampMs += 40;
  };
  good.send('video', 0, Buffer.from([0x17, 0, 0, 0, 0, 1, 0x42, 0xc0, 0x0c]));
  const sending = setInterval(send, 40);
  defer(() => clearInterval(sending));
  viewer = await rig.pair.watch('live/good');
});

async function goodStreamGoesOn(): Promise<void> {
  const before = viewer.seen().length;
  await waitUntil('the good stream goes on', () => viewer.seen().length > before);
  expect(viewer.ends).toEqual([]);
}

describe('a job whose source', () => {
  it.each(cases)(
    '$what says so and tries again, and nothing else notices',
    async ({ script, says, isSlow, hasPlayed }) => {
      const url = await startRtspPeer(script);
      rig.ingest.setJobs([rig.job(url, 'bad')]);
      if (isSlow === true) {
        await waitUntil(
          'the source has agreed to play, if it does',
          () => hasPlayed !== true || rig.pair.origin.publishers === 2,
        );
        rig.pair.clock.advance(pastDeadlineMs);
      }
      expect(await rig.fails('bad')).toContain(says);
      await goodStreamGoesOn();
      rig.pair.clock.advance(2_000);
      await waitUntil('it is tried again', () => (rig.state('bad')?.attempts ?? 0) >= 2);
      rig.ingest.setJobs([]);
      expect(rig.ingest.states().size).toBe(0);
    },
  );

  it('is not there says so and tries again', async () => {
    rig.ingest.setJobs([rig.job(`rtsp://127.0.0.1:${await freePort()}/cam`, 'bad')]);
    expect(await rig.fails('bad')).toContain('the connection failed: connect ECONNREFUSED');
  });
});

describe('an engine that', () => {
  it.each([
    ['loops for ever', 'for(;;);', 'did not begin to send within 10 s'],
    ['takes all memory', 'const all=[];for(;;)all.push(1.5)', 'the engine ended (SIG'],
    ['throws', 'throw new Error("within")', 'the engine ended (exit code 1)'],
    ['rejects without a handler', 'Promise.reject(new Error("later"))', 'the engine ended (exit code 1)'],
    ['ends', 'process.exit(3)', 'the engine ended (exit code 3)'],
  ])('%s ends its attempt alone', async (_what, text, says) => {
    const file = join(await tempFolder(), 'engine.mjs');
    await writeFile(file, text);
    const own = await PullRig.start(pathToFileURL(file));
    own.ingest.setJobs([own.job('rtsp://127.0.0.1:9/cam', 'bad')]);
    if (text.startsWith('for(;;);')) own.pair.clock.advance(pastDeadlineMs);
    expect(await own.fails('bad')).toContain(says);
    own.ingest.setJobs([]);
    own.pair.clock.advance(1_000);
    await waitUntil(
      'its process is gone',
      async () => !(await commandLines()).some((line) => line.includes(file)),
    );
    await goodStreamGoesOn();
  });
});
