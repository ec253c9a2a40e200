// Very many streams of very little each, over four origins: one is killed, and all of its streams have to find another.
import type { RegistryEvent } from '@headwater/cluster';
import { waitUntil } from '../../support/wait-until.ts';
import { renderTable } from '../report.ts';
import { BenchCluster } from './bench-cluster.ts';
import { Crowd } from './crowd.ts';
import type { Figure } from './figures.ts';
import { redisLoad, untilQuiet, type RedisLoad } from './redis-load.ts';

/** How many, and where to say how it goes. */
export interface ManyStreamsOptions {
  readonly streams: number;
  /** Numbers of viewers with which the load of Redis is measured, rising. */
  readonly audiences?: readonly number[];
  /** How long the load is measured each time. */
  readonly loadSeconds?: number;
  /** How long viewers are held; long where the machine is busy. */
  readonly holdSeconds?: number;
  /** How long the streams may take to find another owner before they are given up. */
  readonly timeoutMs?: number;
  readonly progress?: (text: string) => void;
}

/** What was measured and seen. */
export interface ManyStreamsReport {
  readonly streams: number;
  /** Those of the killed origin. */
  readonly hitStreams: number;
  /** From the kill until the registry called the stream an orphan, or gave it to another node, each. */
  readonly noticedMs: readonly number[];
  /** From the kill until the registry gave the stream to another node, each. */
  readonly reassignedMs: readonly number[];
  /** From the loss of the connection until the publisher was accepted again, each. */
  readonly returnedMs: readonly number[];
  /** The longest pause of each viewer that noticed anything. */
  readonly viewerGapsMs: readonly number[];
  readonly viewers: number;
  readonly viewerDisconnects: number;
  /** Attempts of publishers that came to nothing, by what the server said. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly idleLoads: readonly (RedisLoad & { readonly viewers: number })[];
  /** What Redis was asked in the seconds after the kill. */
  readonly failoverLoad: RedisLoad;
}

/** Viewers spread over so many streams at most: more of them watch together. */
const watchedStreams = 200;
const settleMs = 90_000;
/** Requests a second and node when nothing happens: heartbeats, and looks of the leading controller. */
const quietRequests = 8;
const quietMs = 30_000;

/** Runs it on a cluster of its own: four origins, four edges, two controllers. */
export async function runManyStreams(options: ManyStreamsOptions): Promise<ManyStreamsReport> {
  const { streams, audiences = [0, 200, 1_000], loadSeconds = 5, timeoutMs = 30_000 } = options;
  const { holdSeconds = 15, progress = () => undefined } = options;
  const set = { hold: `${String(holdSeconds)}s` };
  const cluster = await BenchCluster.start({ origins: 4, edges: 4, controllers: 2, set });
  const client = cluster.redis.client();
  const crowd = new Crowd({
    origins: cluster.origins.map(({ rtmp }) => rtmp),
    edges: cluster.edges.map(({ node }) => node.ready.http ?? ''),
    streams,
  });
  await crowd.publish(settleMs);
  progress(`${String(streams)} streams are published`);
  // Standbys are appointed bit by bit.
  await untilQuiet(client, cluster.nodes.length * quietRequests, quietMs).catch(() => {
    progress('Redis does not come to rest; measuring all the same');
  });
  const idleLoads: (RedisLoad & { viewers: number })[] = [];
  for (const viewers of audiences) {
    await crowd.watch(viewers, Math.min(watchedStreams, streams), settleMs);
    idleLoads.push({ viewers, ...(await redisLoad(client, loadSeconds)) });
    progress(`${String(viewers)} viewers watch`);
  }
  await crowd.report();
  const victim = cluster.origins[0];
  if (victim === undefined) throw new Error('there is no origin');
  const hit = (await cluster.registry.streams()).filter(({ owner }) => owner.nodeId === victim.id);
  const moves = followMoves(cluster, new Set(hit.map(({ stream }) => stream)), victim.id);
  const failoverLoad = redisLoad(client, loadSeconds);
  const atMs = performance.now();
  victim.signal('SIGKILL');
  await waitUntil('all its streams have another owner', () => moves.reassignedAtMs.size === hit.length, {
    timeoutMs,
  }).catch((cause: unknown) => {
    const counts = `${String(moves.reassignedAtMs.size)} of ${String(hit.length)}`;
    throw new Error(`${counts} streams found another owner`, { cause });
  });
  const load = await failoverLoad;
  const state = await crowd.report();
  const since = (times: ReadonlyMap<string, number>): number[] =>
    [...times.values()].map((each) => each - atMs);
  return {
    streams,
    hitStreams: hit.length,
    noticedMs: since(moves.noticedAtMs),
    reassignedMs: since(moves.reassignedAtMs),
    returnedMs: state.returnedMs,
    viewerGapsMs: state.gapsMs,
    viewers: audiences.at(-1) ?? 0,
    viewerDisconnects: state.disconnects,
    refusals: state.refusals,
    idleLoads,
    failoverLoad: load,
  };
}

interface Moves {
  readonly noticedAtMs: ReadonlyMap<string, number>;
  readonly reassignedAtMs: ReadonlyMap<string, number>;
}

function followMoves({ registry }: BenchCluster, streams: ReadonlySet<string>, former: string): Moves {
  const noticedAtMs = new Map<string, number>();
  const reassignedAtMs = new Map<string, number>();
  const note = (times: Map<string, number>, stream: string): void => {
    if (!times.has(stream)) times.set(stream, performance.now());
  };
  registry.watch((event: RegistryEvent) => {
    if (event.type !== 'stream_claimed' && event.type !== 'stream_updated') return;
    const { stream, owner, state } = event.record;
    if (!streams.has(stream)) return;
    if (state === 'orphaned') note(noticedAtMs, stream);
    if (owner.nodeId === former) return;
    note(noticedAtMs, stream);
    note(reassignedAtMs, stream);
  });
  return { noticedAtMs, reassignedAtMs };
}

const reassignedTargetMs = 3_000;

/** The rows of a report's table. */
export function manyStreamsFigures(report: ManyStreamsReport): Figure[] {
  const title = `origin killed with ${String(report.hitStreams)} of ${String(report.streams)} streams`;
  return [
    { title: `${title}: noticed`, valuesMs: report.noticedMs },
    { title: `${title}: reassigned`, valuesMs: report.reassignedMs, targetMs: reassignedTargetMs },
    { title: `${title}: publisher back`, valuesMs: report.returnedMs },
    { title: `${title}: viewer's whole gap`, valuesMs: report.viewerGapsMs },
  ];
}

/** What the table of times does not say. */
export function renderManyStreams(report: ManyStreamsReport): string {
  const { viewers, viewerDisconnects, refusals, idleLoads, failoverLoad } = report;
  const row = (title: string, load: RedisLoad): string[] => [
    title,
    load.requestsPerSecond.toFixed(1),
    load.commandsPerSecond.toFixed(0),
  ];
  const table = renderTable([
    ['Redis', 'requests/s', 'commands/s, those within scripts included'],
    ...idleLoads.map((load) => row(`${String(load.viewers)} viewers`, load)),
    row('an origin killed', failoverLoad),
  ]);
  const refused = Object.entries(refusals).map(([why, count]) => `${String(count)} times: ${why}`);
  const counts = `${String(viewerDisconnects)} disconnects, refused publish attempts: ${refused.join(', ') || 'none'}`;
  return `many streams: ${String(viewers)} viewers, ${counts}\n\n${table}`;
}
