// A node with workers, as an operator starts it: one port, one pull, one view of everything, however many processes serve.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { SessionView, StreamView } from '@headwater/contracts';
import { testFrames } from '@headwater/media/testing';
import { defer } from '../support/cleanup.ts';
import { startHeadwater, type RunningHeadwater } from '../support/headwater.ts';
import { complaintsAbout } from '../support/media-delivery.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { metricOf } from '../support/media-metrics.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { outputs, watch, watchAll, type MediaViewer } from '../support/media-viewers.ts';
import { startRedis } from '../support/redis.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const stream = 'live/cam1';

/** The processes of workers that have served: of all, or in one of their places. */
function workerPids(node: RunningHeadwater, place?: number): number[] {
  return node.logs().flatMap(({ msg, worker, pid }) => {
    return msg === 'worker serves' && (place === undefined || worker === place) ? [Number(pid)] : [];
  });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function sessions(node: RunningHeadwater, role: string): Promise<SessionView[]> {
  return (await node.adminJson<{ items: SessionView[] }>(`/api/v1/sessions?role=${role}`)).items;
}

/** How many watch at each of the workers. */
function spread(node: RunningHeadwater, workers = 2): number[] {
  return Array.from({ length: workers }, (_, index) => {
    return ofWorker(node, index + 1, 'play opened') - ofWorker(node, index + 1, 'play closed');
  });
}

/** How often a worker has logged something. */
function ofWorker(node: RunningHeadwater, place: number, text: string): number {
  return node.logs().filter(({ worker, msg }) => worker === place && msg === text).length;
}

/** Lets a process open no file descriptor; returns what gives it its limit back. */
function takeDescriptors(pid: number): () => void {
  const prlimit = (...args: string[]): string =>
    execFileSync('prlimit', ['--pid', String(pid), ...args]).toString();
  const before = prlimit('--nofile', '--raw', '--noheadings', '--output', 'SOFT').trim();
  prlimit('--nofile=3:');
  return () => prlimit(`--nofile=${before}:`);
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Resolves when nothing more comes to the viewers of a publisher that pauses. */
async function settled(viewers: readonly MediaViewer[]): Promise<void> {
  const framesOfAll = (): number => total(viewers.map(({ frames }) => frames.length));
  let before = -1;
  await waitUntil(
    'what was under way has come',
    () => {
      const isSame = framesOfAll() === before;
      before = framesOfAll();
      return isSame;
    },
    { intervalMs: 300 },
  );
}

/** A stream in the making. */
class Feed {
  readonly frames = testFrames({ seconds: 60, gopSeconds: 1 });
  readonly publisher: MediaPublisher;
  sent = 0;

  constructor(publisher: MediaPublisher) {
    this.publisher = publisher;
  }

  /** Sends until a check holds for all viewers. */
  async until(reason: string, viewers: readonly MediaViewer[], check: (viewer: MediaViewer) => boolean) {
    await waitUntil(reason, async () => {
      await this.publisher.send(this.frames.slice(this.sent, (this.sent += 10)));
      return viewers.every(check);
    });
  }

  /** Sends slowly while something is waited for that takes its time. */
  async while(reason: string, check: () => boolean | Promise<boolean>): Promise<void> {
    const send = async (): Promise<boolean> => {
      await this.publisher.send(this.frames.slice(this.sent, (this.sent += 20)));
      return check();
    };
    await waitUntil(reason, send, { timeoutMs: 30_000, intervalMs: 250 });
  }

  /** Sends some more, and resolves when all of these viewers have seen it. */
  async more(viewers: readonly MediaViewer[]): Promise<void> {
    const before = viewers.map(({ frames }) => frames.length);
    await this.until('all see more', viewers, (viewer) => {
      return viewer.frames.length > (before[viewers.indexOf(viewer)] ?? 0) + 20;
    });
  }
}

const seesMedia = ({ frames }: MediaViewer): boolean => frames.some(isMedia);

it('viewers of all kinds share one port, one pull, one list and one limit; a worker that dies takes only its own', async () => {
  const node = await startHeadwater({ set: { workers: 2, 'limits.viewers': 8 } });
  // The publisher comes first, and so to the first worker.
  const feed = new Feed(await MediaPublisher.start(node.rtmpUrl(stream)));
  const viewers = [...watchAll(node, stream), ...watchAll(node, stream)];
  await feed.until('all see the stream', viewers, seesMedia);

  await waitUntil('both workers have viewers, six together', () => {
    const counts = spread(node);
    return counts.every((count) => count > 0) && total(counts) === 6;
  });
  expect(await metricOf(node, 'headwater_edge_pulls_total', { kind: 'owner' })).toBe(1);
  expect(await metricOf(node, 'headwater_relay_pulls')).toBe(1);
  const shown = await node.adminJson<{ items: StreamView[] }>('/api/v1/streams');
  expect(shown.items).toMatchObject([
    { key: stream, state: 'live', viewers: { rtmp: 2, 'http-flv': 2, 'ws-flv': 2 } },
  ]);
  const list = (await (await fetch(node.httpUrl('/api/streams'))).json()) as { streams: unknown[] };
  expect(list.streams).toMatchObject([{ name: 'cam1', viewers: 6 }]);
  const own = { protocol: 'rtmp', stream, remoteAddress: '127.0.0.1' };
  expect(await sessions(node, 'publisher')).toMatchObject([own]);
  expect(await metricOf(node, 'headwater_viewers', { protocol: 'ws-flv' })).toBe(2);

  // What a worker does not know of the cluster, it asks the node (which sends nobody to itself once it says that it is full).
  const route = await fetch(node.httpUrl(`/route/${stream}?protocol=ws-flv`));
  expect(await route.json()).toMatchObject({ url: node.wsUrl(stream), node: node.ready.nodeId });

  // One is sent away by name, by whichever worker has it.
  const [kicked] = (await sessions(node, 'viewer')).filter(({ protocol }) => protocol === 'ws-flv');
  expect(kicked?.remoteAddress).toBe('127.0.0.1');
  const answer = await fetch(node.adminUrl(`/api/v1/sessions/${String(kicked?.id)}`), { method: 'DELETE' });
  expect(answer.status).toBe(204);
  await waitUntil('it is gone', () => viewers.some(({ end }) => end !== undefined));
  const left = viewers.filter(({ end }) => end === undefined);
  expect(left).toHaveLength(5);

  // The limit is that of the node.
  await waitUntil('its seat is free', async () => (await sessions(node, 'viewer')).length === 5);
  const more = watchAll(node, stream);
  await feed.until('they see it, too', more, seesMedia);
  const refused = await fetch(node.flvUrl(stream));
  expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('limit_reached')]);

  const bytesBefore = await metricOf(node, 'headwater_play_bytes_total', { protocol: 'ws-flv' });
  const lagsBefore = await metricOf(node, 'headwater_event_loop_lag_seconds_count');
  expect(bytesBefore).toBeGreaterThan(0);
  await waitUntil('eight watch', () => total(spread(node)) === 8);
  const [, doomed = 0] = spread(node);
  process.kill(workerPids(node, 2)[0] ?? 0, 'SIGKILL');
  const all = [...left, ...more];
  await waitUntil('its viewers are cut', () => all.filter(({ end }) => end !== undefined).length === doomed);
  await waitUntil('it was replaced', () => workerPids(node, 2).length === 2);
  const others = all.filter(({ end }) => end === undefined);
  expect(others).toHaveLength(8 - doomed);
  await feed.more(others);
  for (const viewer of others) {
    const complaints = complaintsAbout(feed.frames.slice(0, feed.sent), viewer.frames, {
      from: 'keyframe',
      isCutShort: true,
    });
    expect(complaints).toEqual([]);
  }
  expect(others.every(({ end }) => end === undefined)).toBe(true);
  expect(await metricOf(node, 'headwater_worker_exits_total')).toBe(1);
  expect(await metricOf(node, 'headwater_workers')).toBe(2);
  const bytesAfter = await metricOf(node, 'headwater_play_bytes_total', { protocol: 'ws-flv' });
  expect(bytesAfter).toBeGreaterThanOrEqual(bytesBefore);
  expect(await metricOf(node, 'headwater_event_loop_lag_seconds_count')).toBeGreaterThan(lagsBefore);

  // The seats of those who were cut are free.
  const newcomers = Array.from({ length: doomed }, (_, index) =>
    watch(node, outputs[index % outputs.length] ?? 'rtmp', stream),
  );
  await feed.until('newcomers see it', newcomers, seesMedia);
  await waitUntil('all are listed', async () => (await sessions(node, 'viewer')).length === 8);
  expect(workerPids(node, 1).map(isRunning)).toEqual([true]);

  // A drain reaches publishers and newcomers in the workers; those who watch stay.
  await fetch(node.adminUrl('/api/v1/drain?deadlineSeconds=0'), { method: 'POST' });
  await waitUntil('the drain has begun', async () => (await fetch(node.flvUrl(stream))).status === 503);
  await waitUntil('the publisher was sent away', () => feed.publisher.isClosed);
  expect([...others, ...newcomers].every(({ end }) => end === undefined)).toBe(true);
  await node.stop();
  await waitUntil('all viewers have heard of the end', () =>
    [...others, ...newcomers].every(({ end }) => end !== undefined),
  );
  expect(workerPids(node).filter(isRunning)).toEqual([]);
});

it('a worker that stands still is replaced, one without file descriptors is not; both cost nobody but their own', async () => {
  const node = await startHeadwater({ set: { workers: 3 } });
  const feed = new Feed(await MediaPublisher.start(node.rtmpUrl(stream)));
  const viewers = [1, 2, 3].flatMap(() => watchAll(node, stream));
  await feed.until('all see the stream', viewers, seesMedia);
  await waitUntil('all workers have viewers', () => {
    const counts = spread(node, 3);
    return counts.every((count) => count > 1) && total(counts) === 9;
  });
  const [, frozen = 0] = spread(node, 3);
  const [frozenPid = 0] = workerPids(node, 2);
  const [poorPid = 0] = workerPids(node, 3);
  const openedBefore = [1, 2, 3].map((place) => ofWorker(node, place, 'play opened'));
  const giveDescriptors = takeDescriptors(poorPid);
  process.kill(frozenPid, 'SIGSTOP');
  defer(() => {
    if (isRunning(frozenPid)) process.kill(frozenPid, 'SIGCONT');
  });

  await settled(viewers);

  // One at most waits for each of the two workers; the third has all others.
  const before = viewers.map(({ frames }) => frames.length);
  const newcomers = outputs.flatMap((output) => [1, 2].map(() => watch(node, output, stream)));
  await feed.while('all but those of the frozen one see more, newcomers too', () => {
    const served = viewers.filter(({ frames }, index) => frames.length > (before[index] ?? 0) + 20);
    return served.length === 9 - frozen && newcomers.filter(seesMedia).length >= 4;
  });
  await feed.while('a connection was given up', async () => {
    return (await metricOf(node, 'headwater_worker_lost_connections_total')) > 0;
  });
  giveDescriptors();
  await feed.while('the poor worker has newcomers again', () => {
    if (ofWorker(node, 3, 'play opened') > (openedBefore[2] ?? Number.NaN)) return true;
    newcomers.push(watch(node, 'rtmp', stream));
    return false;
  });
  expect(workerPids(node)).toHaveLength(3);

  await feed.while('the frozen one was replaced', () => workerPids(node, 2).length === 2);
  expect(node.logs()).toContainEqual(
    expect.objectContaining({ msg: 'worker ended', pid: frozenPid, how: 'said nothing for 15 s' }),
  );
  const others = viewers.filter(({ end }) => end === undefined);
  expect(others).toHaveLength(9 - frozen);
  await feed.more(others);
  for (const { frames } of others) {
    const due = feed.frames.slice(0, feed.sent);
    expect(complaintsAbout(due, frames, { from: 'keyframe', isCutShort: true })).toEqual([]);
  }
  const back = Array.from({ length: frozen }, () => watch(node, 'http-flv', stream));
  await feed.until('they come back', back, seesMedia);
  await waitUntil('some are at the new one', () => {
    return ofWorker(node, 2, 'play opened') > (openedBefore[1] ?? Number.NaN);
  });
  expect(await metricOf(node, 'headwater_worker_exits_total')).toBe(1);
  expect(workerPids(node, 3).map(isRunning)).toEqual([true]);
});

it('an edge with workers pulls and forwards over the network; its workers know no secret of it, and end when it is killed', async () => {
  const redis = await startRedis();
  const set = { 'registry.kind': 'redis', 'registry.redis.url': redis.url };
  const origin = await startHeadwater({ role: 'origin', set: { ...set, 'node.id': 'origin-1' } });
  const edge = await startHeadwater({
    role: 'edge',
    set: { 'registry.kind': 'redis', 'node.id': 'edge-1', workers: 2 },
    // Nobody removes its sockets when it is killed.
    env: { TMPDIR: await tempFolder(), HEADWATER_REGISTRY_REDIS_URL: redis.url },
  });
  const publisher = await waitUntil('the edge knows the origin', async () => {
    const asked = await MediaPublisher.ask(edge.rtmpUrl(stream));
    return asked.isStarted ? asked : undefined;
  });
  const feed = new Feed(publisher);
  const viewers = [...watchAll(edge, stream), watch(edge, 'rtmp', stream)];
  await feed.until('all see the stream', viewers, seesMedia);
  await waitUntil('both workers have viewers', () => spread(edge).every((count) => count > 0));
  expect(await metricOf(origin, 'headwater_relay_pulls')).toBe(1);
  const [own, ...ofWorkers] = [edge.pid, ...workerPids(edge)].map((pid) => {
    return readFileSync(`/proc/${String(pid)}/environ`, 'utf8');
  });
  expect(own).toContain(redis.url);
  expect(ofWorkers.map((text) => text.includes(redis.url))).toEqual([false, false]);
  defer(() => {
    for (const pid of workerPids(edge).filter(isRunning)) process.kill(pid, 'SIGKILL');
  });
  // It alone: `kill` would signal its workers, too.
  process.kill(edge.pid, 'SIGKILL');
  await waitUntil('no worker is left', () => !workerPids(edge).some(isRunning));
  edge.kill('SIGKILL');
  await waitUntil('viewers have noticed', () => viewers.every(({ end }) => end !== undefined));
});
