// Pull jobs against real sources: GStreamer's RTSP server, and the program itself over RTMP.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { classifyFrame, type FlvTag } from '@headwater/media';
import { runFfmpeg } from '../support/ffmpeg.ts';
import { startHeadwater } from '../support/headwater.ts';
import { complaintsAbout, stepsBack } from '../support/media-delivery.ts';
import { encoders, type Fixture, isMedia, makeFixture } from '../support/media-fixtures.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { watch } from '../support/media-viewers.ts';
import { PullRig } from '../support/pull-rig.ts';
import { remuxToMp4, startRtspServer } from '../support/rtsp-server.ts';
import type { PairViewer } from '../support/streaming-pair.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const password = 'ope:n s%esame';
const slow = { timeoutMs: 30_000 };

let plain: Fixture;
let reordered: Fixture;
let plainMp4: string;
let reorderedMp4: string;
let hevcMp4: string;

beforeAll(async () => {
  const folder = await tempFolder();
  plain = await makeFixture({ folder, name: 'plain', video: encoders.h264, audio: encoders.aac });
  reordered = await makeFixture({
    folder,
    name: 'reordered',
    video: encoders.h264BFrames,
    audio: encoders.aac,
  });
  plainMp4 = await remuxToMp4(plain.file);
  reorderedMp4 = await remuxToMp4(reordered.file);
  hevcMp4 = `${folder}/hevc.mp4`;
  await runFfmpeg(['-i', plain.file, '-t', '2', '-an', ...encoders.hevc, hevcMp4]);
}, 120_000);

function pictures(tags: readonly FlvTag[]): FlvTag[] {
  return tags.filter((tag) => tag.kind === 'video' && isMedia(tag) && !isEndMark(tag));
}

/** The mark that ends a recording and means no picture: RTSP has none. */
function isEndMark({ kind, payload }: FlvTag): boolean {
  return kind === 'video' && payload[1] === 2;
}

async function sees(viewer: PairViewer, tag: FlvTag | undefined): Promise<void> {
  const isIt = ({ payload }: FlvTag): boolean => tag?.payload.equals(payload) === true;
  await waitUntil('the viewer sees the frame', () => viewer.seen().some(isIt), slow);
}

/** The NAL units of a picture, which is what a source and its copy share; times may be told differently. */
function nalUnits({ payload }: FlvTag): string {
  return payload.subarray(5).toString('base64');
}

/** When a picture is shown. */
function presentationMs({ timestampMs, payload }: FlvTag): number {
  return timestampMs + payload.readIntBE(2, 3);
}

/** False once it has ended, collected by whoever inherited it or not. */
function isRunning(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe('an RTSP source', () => {
  it('reaches viewers frame by frame, unaltered, with one offset for sound and picture', async () => {
    const server = await startRtspServer({ file: plainMp4 });
    const rig = await PullRig.start();
    rig.ingest.setJobs([rig.job(server.url, 'plain')]);
    const viewer = await rig.pair.watch('live/plain');
    const sent = plain.tags.filter((tag) => tag.kind !== 'data' && !isEndMark(tag));
    for (const kind of ['video', 'audio']) {
      const last = sent.findLast((tag) => tag.kind === kind);
      await sees(viewer, last);
    }
    rig.ingest.setJobs([]);
    expect(complaintsAbout(sent, viewer.seen(), { from: 'keyframe', toleranceMs: 2 })).toEqual([]);
    expect(pictures(viewer.seen())).toHaveLength(pictures(plain.tags).length);
  });

  it('keeps the order and the times of pictures that are shown in another order than sent', async () => {
    // Both tracks under one payload type: they are told apart by their channels.
    const server = await startRtspServer({ file: reorderedMp4, videoPayloadType: 97 });
    const rig = await PullRig.start();
    rig.ingest.setJobs([rig.job(server.url, 'reordered')]);
    const viewer = await rig.pair.watch('live/reordered');
    const sent = pictures(reordered.tags);
    await waitUntil('all pictures came', () => pictures(viewer.seen()).length >= sent.length, slow);
    rig.ingest.setJobs([]);
    const got = pictures(viewer.seen()).slice(0, sent.length);
    expect(got.map(nalUnits)).toEqual(sent.map(nalUnits));
    const shifts = got.map((tag, index) => presentationMs(tag) - presentationMs(sent[index] ?? tag));
    expect(Math.max(...shifts) - Math.min(...shifts)).toBeLessThanOrEqual(2);
    expect(got.every((tag) => tag.payload.readIntBE(2, 3) >= 0)).toBe(true);
    expect(stepsBack(viewer.seen())).toEqual([]);
  });

  it('reaches viewers as Enhanced RTMP has it where it sends H.265', async () => {
    const server = await startRtspServer({ file: hevcMp4, video: 'h265', audio: 'none' });
    const rig = await PullRig.start();
    rig.ingest.setJobs([rig.job(server.url, 'hevc')]);
    const viewer = await rig.pair.watch('live/hevc');
    const isPicture = (tag: FlvTag): boolean => classifyFrame(tag.kind, tag.payload) !== 'header';
    await waitUntil('all pictures came', () => viewer.seen().filter(isPicture).length >= 50, slow);
    rig.ingest.setJobs([]);
    const [header, first] = viewer.seen();
    expect(header?.payload.subarray(0, 5).toString('latin1')).toBe('\x90hvc1');
    expect(first?.payload.subarray(0, 5).toString('latin1')).toBe('\x91hvc1');
    const keyframes = viewer
      .seen()
      .filter(({ kind, payload }) => classifyFrame(kind, payload) === 'keyframe');
    expect(keyframes.length).toBeGreaterThanOrEqual(2);
  });

  it.each(['basic', 'digest'] as const)(
    'gets user name and password by %s authentication, and no line of the log does',
    async (type) => {
      const server = await startRtspServer({ file: plainMp4, auth: { type, user: 'joe', password } });
      const rig = await PullRig.start();
      const urlOf = (secret: string): string =>
        server.url.replace('://', `://joe:${encodeURIComponent(secret)}@`);
      rig.ingest.setJobs([rig.job(urlOf('wrong-one'), 'closed'), rig.job(urlOf(password), 'open')]);
      await rig.runs('open');
      expect(await rig.fails('closed')).toContain('401 Unauthorized');
      const log = JSON.stringify(rig.lines);
      expect(log).toContain('rtsp://joe:***@');
      for (const secret of ['wrong-one', password, encodeURIComponent(password)]) {
        expect(log).not.toContain(secret);
      }
    },
  );

  it('is pulled again when its server was killed and started anew; viewers stay', async () => {
    const server = await startRtspServer({ file: plainMp4 });
    const rig = await PullRig.start();
    rig.ingest.setJobs([rig.job(server.url, 'cam')]);
    const viewer = await rig.pair.watch('live/cam');
    await waitUntil('pictures come', () => pictures(viewer.seen()).length > 10, slow);
    server.child.kill('SIGKILL');
    expect(await rig.fails('cam')).toContain('the source closed the connection');
    const before = viewer.seen().length;
    await startRtspServer({ file: plainMp4, port: server.port });
    await rig.runs('cam');
    await waitUntil('pictures come again', () => viewer.seen().length > before + 25, slow);
    expect(viewer.ends).toEqual([]);
    expect(stepsBack(viewer.seen())).toEqual([]);
    expect(rig.state('cam')?.attempts).toBeGreaterThanOrEqual(2);
  });
});

describe('a node with a job in its configuration', () => {
  it('serves the source over HTTP-FLV, and takes its processes along when it is killed', async () => {
    const server = await startRtspServer({ file: plainMp4 });
    const config = `jobs:\n  - { pull: '${server.url}', stream: live/cam }\n`;
    const node = await startHeadwater({ config });
    const viewer = watch(node, 'http-flv', 'live/cam');
    await waitUntil('pictures come', () => pictures(viewer.frames).length > 10, slow);
    const family = await readFile(`/proc/${node.pid}/task/${node.pid}/children`, 'utf8');
    const children = family.trim().split(' ');
    expect(children).toHaveLength(1);
    process.kill(node.pid, 'SIGKILL');
    await waitUntil('its processes are gone', () => !children.some(isRunning));
    node.kill('SIGKILL');
  });
});

describe('an RTMP source', () => {
  it('reaches viewers frame by frame, unaltered', async () => {
    const node = await startHeadwater();
    const publisher = await MediaPublisher.start(node.rtmpUrl('live/source'));
    const rig = await PullRig.start();
    rig.ingest.setJobs([rig.job(node.rtmpUrl('live/source'), 'copy')]);
    const viewer = await rig.pair.watch('live/copy');
    await publisher.send(plain.tags);
    await sees(viewer, plain.tags.findLast(isMedia));
    expect(complaintsAbout(plain.tags, viewer.seen(), { from: 'keyframe' })).toEqual([]);
  });

  it('that is not there is said so, and is pulled when it comes', async () => {
    const node = await startHeadwater({ set: { 'viewer.waitForStream': '1s' } });
    const rig = await PullRig.start();
    rig.ingest.setJobs([rig.job(node.rtmpUrl('live/source'), 'copy')]);
    expect(await rig.fails('copy')).toContain('NetStream.Play.StreamNotFound');
    const publisher = await MediaPublisher.start(node.rtmpUrl('live/source'));
    await publisher.send(plain.tags.slice(0, 20));
    await rig.runs('copy');
  });
});
