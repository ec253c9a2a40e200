// node-media-server and our own client and server, in both directions: what one publishes, the other plays, frame by
// frame.
import { connect } from 'node:net';
import { join } from 'node:path';
import type { FlvTag } from '@headwater/media';
import { realClock } from '@headwater/relay/testing';
import { RtmpClientSession } from '@headwater/rtmp';
import { beforeAll, describe, expect, it } from 'vitest';
import { launchNodeMediaServer } from '../abuse/node-media-server.ts';
import type { RunningServer } from '../abuse/server.ts';
import { defer } from '../support/cleanup.ts';
import { probe, runFfmpeg } from '../support/ffmpeg.ts';
import { type LogLine, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout } from '../support/media-delivery.ts';
import { encoders, type Fixture, isMedia, makeFixture } from '../support/media-fixtures.ts';
import { MediaPublisher, rtmpTargetOf } from '../support/media-publisher.ts';
import { watch } from '../support/media-viewers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const admin = { username: 'operator', password: 'interop-password' };

let fixture: Fixture;
let folder: string;
let peer: RunningServer;
/** What its API demands of each request but the login; it allows ten logins a minute. */
let token: string;

beforeAll(async () => {
  folder = await tempFolder();
  peer = await launchNodeMediaServer({ admin });
  defer(() => peer.stop());
  token = await login();
  fixture = await makeFixture({ folder, name: 'interop', video: encoders.h264BFrames, audio: encoders.aac });
});

describe('node-media-server as the server', () => {
  it('relays what our client publishes to our client and to ffmpeg, unaltered', async () => {
    const stream = 'live/from-us';
    const played = play(peerUrl(stream));
    const recording = join(folder, 'from-peer.flv');
    const recorded = runFfmpeg(['-i', peerUrl(stream), '-t', '2', '-c', 'copy', recording]);
    const publisher = await MediaPublisher.start(peerUrl(stream));
    await publisher.sendInRealTime(fixture.tags);
    await recorded;
    await waitUntil('our client has the last frame', () => hasLast(played));
    expect(complaintsAbout(fixture.tags, played)).toEqual([]);
    expect(await foreignPackets(recording)).toEqual([]);
  });
});

describe('node-media-server as the client', () => {
  // It drops media that it reads together with the answer to its play (it registers the stream a microtask later), so
  // that a server which sends headers at once loses them there now and then. Media begins once it has the stream.
  it('pulls a stream from us and relays it to ffmpeg, unaltered', async () => {
    const node = await startHeadwater();
    const publisher = await MediaPublisher.start(node.rtmpUrl('live/source'));
    await addRelay({ mode: 'pull', url: node.rtmpUrl('live/source'), streamPath: '/live/pulled' });
    await waitUntil('the peer has the stream', () => isPublishing('live/pulled'));
    const recording = join(folder, 'pulled.flv');
    const recorded = runFfmpeg(['-i', peerUrl('live/pulled'), '-t', '1.5', '-c', 'copy', recording]);
    await publisher.sendInRealTime(fixture.tags);
    await recorded;
    expect(await foreignPackets(recording)).toEqual([]);
  });

  // It sends media on message stream 0, whatever stream was created for it. Nothing says who publishes there.
  it('has its push accepted, but the media that it sends on message stream 0 reaches nobody', async () => {
    const node = await startHeadwater();
    const publisher = await MediaPublisher.start(peerUrl('live/local'));
    const sending = publisher.sendInRealTime(fixture.tags);
    const viewer = watch(node, 'http-flv', 'live/pushed');
    await addRelay({ mode: 'push', url: node.rtmpUrl('live/pushed'), streamPath: '/live/local' });
    const opened = { stream: 'live/pushed', msg: 'publish opened' };
    await waitUntil('the push was accepted', () => node.logs().some((line) => isLike(line, opened)));
    await sending;
    expect(viewer.frames.filter(isMedia)).toEqual([]);
  });
});

function peerUrl(stream: string): string {
  const { host, port } = peer.target.rtmp;
  return `rtmp://${host}:${port}/${stream}`;
}

/** Plays with our own client; the frames grow in the array returned. */
function play(url: string): FlvTag[] {
  const frames: FlvTag[] = [];
  const target = rtmpTargetOf(url);
  const socket = connect({ host: target.host, port: target.port, noDelay: true });
  const session = new RtmpClientSession({
    clock: realClock,
    action: 'play',
    target,
    output: (bytes) => socket.write(bytes),
    delegate: {
      started: () => undefined,
      media: (kind, timestampMs, payload) => frames.push({ kind, timestampMs, payload }),
      closed: () => socket.end(),
    },
  });
  socket.on('connect', () => session.start());
  socket.on('data', (bytes: Buffer) => session.read(bytes));
  socket.on('error', () => socket.destroy());
  defer(() => {
    socket.destroy();
  });
  return frames;
}

function hasLast(frames: readonly FlvTag[]): boolean {
  const last = fixture.tags.findLast((tag) => tag.kind === 'video');
  return frames.some(({ payload }) => last?.payload.equals(payload));
}

function isLike(line: LogLine, fields: LogLine): boolean {
  return Object.entries(fields).every(([name, value]) => line[name] === value);
}

/** Packets of a recording that the fixture does not have, by the hash of their data; none recorded counts as one. */
async function foreignPackets(recording: string): Promise<(string | undefined)[]> {
  const [ours, theirs] = [await probe(fixture.file), await probe(recording)];
  const known = new Set(ours.packets.map((packet) => packet.data_hash));
  if (theirs.packets.length === 0) return ['nothing was recorded'];
  return theirs.packets.map((packet) => packet.data_hash).filter((hash) => !known.has(hash));
}

/** Asks node-media-server through its API to pull from, or push to, another server. */
async function addRelay(relay: { mode: 'pull' | 'push'; url: string; streamPath: string }): Promise<void> {
  const answer = await callApi('relay', { body: relay });
  if (!answer.ok) throw new Error(`the relay was refused: ${await answer.text()}`);
}

/** Whether node-media-server has a publisher of the stream. */
async function isPublishing(stream: string): Promise<boolean> {
  const answer = await callApi(`streams/${stream}`);
  if (!answer.ok) return false;
  const { data } = (await answer.json()) as { data: { status: string } };
  return data.status === 'publishing';
}

async function login(): Promise<string> {
  const answer = await callApi('login', { body: admin });
  const { data } = (await answer.json()) as { data: { token: string } };
  return data.token;
}

/** Posts the body, or gets where there is none. */
async function callApi(path: string, { body }: { body?: unknown } = {}): Promise<Response> {
  const { host, port } = peer.target.http ?? { host: '', port: 0 };
  return fetch(`http://${host}:${port}/api/v1/${path}`, {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
}
