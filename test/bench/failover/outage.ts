// One outage: the owner of a stream is killed, or stops in the middle of everything, and its publishers and their viewers
// have to get over it.
import { setTimeout as delay } from 'node:timers/promises';
import type { RegistryEvent } from '@headwater/cluster';
import { parseStreamKey } from '@headwater/contracts';
import type { ChaosEncoder } from '../../support/chaos-encoder.ts';
import { seeSession, type Witness } from '../../support/chaos-witness.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { BenchCluster, BenchNode } from './bench-cluster.ts';

/** `crash`: the process is gone. `freeze`: it stands still with all its connections open, and goes on later. */
export type OutageKind = 'crash' | 'freeze';

/** A stream, who sends it and who watches it. */
export interface Channel {
  readonly stream: string;
  /** Whether the publisher proves that it is the same one when it comes back. */
  readonly hasCredential: boolean;
  readonly encoder: ChaosEncoder;
  readonly witnesses: readonly Witness[];
}

/** What happened to one stream. Times count from the outage. */
export interface StreamOutcome {
  readonly stream: string;
  readonly hasCredential: boolean;
  /** Another node owns the stream, by an event of the registry. */
  readonly claimedMs: number;
  /** The publisher is back: the first keyframe of its new session goes out. */
  readonly publisherMs: number;
  /** Each viewer's first frame of the new session, from that keyframe on. */
  readonly firstFrameMs: readonly number[];
  /** Each viewer's longest time without picture. */
  readonly gapMs: readonly number[];
}

/** What happened in one outage. */
export interface OutageResult {
  readonly kind: OutageKind;
  /** From the outage to a controller's log line that the node is dead. */
  readonly verdictMs: number;
  readonly streams: readonly StreamOutcome[];
}

/** What an outage needs. */
export interface OutageOptions {
  readonly cluster: BenchCluster;
  readonly kind: OutageKind;
  readonly channels: readonly Channel[];
  /** Whose owner is hit. */
  readonly target: Channel;
  readonly publisherTimeoutMs: number;
}

const recoveryMs = 30_000;

/** Lets it happen and measures; resolves when everything is as before, with the node back. */
export async function runOutage(options: OutageOptions): Promise<OutageResult> {
  const { cluster, kind, channels, target } = options;
  const owners = new Map<string, string | undefined>();
  for (const { stream } of channels) owners.set(stream, await ownerOf(cluster, stream));
  const victim = cluster.originOf(owners.get(target.stream) ?? '');
  const hit = channels.filter(({ stream }) => owners.get(stream) === victim.id);
  const sessions = hit.map(({ encoder }) => encoder.sessions.length);
  for (const { witnesses } of channels) for (const witness of witnesses) witness.mark();
  const claims = followClaims(cluster, victim);
  const atMs = performance.now();
  const wallMs = Date.now();
  victim.signal(kind === 'crash' ? 'SIGKILL' : 'SIGSTOP');
  try {
    if (kind === 'freeze') {
      await delay(options.publisherTimeoutMs);
      for (const { encoder } of hit) encoder.abandonServer();
    }
    await Promise.all(
      hit.map(async ({ encoder, witnesses }, index) => {
        const session = sessions[index] ?? 0;
        await encoder.untilSession(session, recoveryMs);
        await seeSession(witnesses, session);
      }),
    );
    const verdictMs = await verdictOn(cluster, victim, wallMs);
    const streams = hit.map((channel, index) => outcomeOf(channel, sessions[index] ?? 0, { atMs, claims }));
    return { kind, verdictMs, streams };
  } finally {
    claims.close();
    if (kind === 'crash') await victim.start();
    else victim.signal('SIGCONT');
    await cluster.untilComplete();
  }
}

function outcomeOf(
  { stream, hasCredential, encoder, witnesses }: Channel,
  session: number,
  { atMs, claims }: { readonly atMs: number; readonly claims: Claims },
): StreamOutcome {
  const returnedAtMs = encoder.sessions[session]?.startedAtMs ?? Number.NaN;
  return {
    stream,
    hasCredential,
    claimedMs: (claims.atMs.get(stream) ?? Number.NaN) - atMs,
    publisherMs: returnedAtMs - atMs,
    firstFrameMs: witnesses.map((witness) => witness.seenAtMs(session) - returnedAtMs),
    gapMs: witnesses.map(({ maxGapMs }) => maxGapMs),
  };
}

async function ownerOf({ registry }: BenchCluster, stream: string): Promise<string | undefined> {
  return (await registry.stream(parseStreamKey(stream)))?.owner.nodeId;
}

/** Streams and when they got another owner. */
export interface Claims {
  readonly atMs: ReadonlyMap<string, number>;
  close(): void;
}

/** When streams got another owner than that one, from now on. */
export function followClaims({ registry }: BenchCluster, former: BenchNode): Claims {
  const atMs = new Map<string, number>();
  const watch = registry.watch((event: RegistryEvent) => {
    if (event.type !== 'stream_claimed' || event.record.owner.nodeId === former.id) return;
    if (!atMs.has(event.record.stream)) atMs.set(event.record.stream, performance.now());
  });
  return {
    atMs,
    close: () => {
      watch.close();
    },
  };
}

async function verdictOn({ controllers }: BenchCluster, victim: BenchNode, sinceMs: number): Promise<number> {
  const atMs = await waitUntil(
    `a controller says that ${victim.id} is dead`,
    () => {
      const said = controllers.map((controller) => controller.saidAtMs('node is dead', victim.id, sinceMs));
      return said.find((each) => each !== undefined);
    },
    { timeoutMs: recoveryMs, intervalMs: 50 },
  );
  return atMs - sinceMs;
}
