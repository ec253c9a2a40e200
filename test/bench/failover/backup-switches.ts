// Two encoders send one stream to two origins, and the origin of the first is lost: viewers go on at the second one, which
// has all the frames already. Each round has a stream, a pair of encoders and an audience of its own.
import { setTimeout as delay } from 'node:timers/promises';
import { parseStreamKey } from '@headwater/contracts';
import { ChaosEncoder } from '../../support/chaos-encoder.ts';
import { seeSession, watchOn } from '../../support/chaos-witness.ts';
import { framePeriodMs, framesPerGop } from '../../support/good-stream-frames.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { BenchCluster, type BenchNode } from './bench-cluster.ts';
import type { Figure } from './figures.ts';
import { followClaims, type OutageKind } from './outage.ts';
import { tallyOf, type Tally } from './tally.ts';

/** What happened in one switch. Times in ms. */
export interface BackupSwitch {
  /** From the outage until the registry says that the backup's origin has the stream. */
  readonly claimedMs: number;
  /** Each viewer's longest time without picture. */
  readonly gapMs: readonly number[];
}

/** What was measured and seen. */
export interface BackupSwitchesReport {
  readonly kind: OutageKind;
  readonly switches: readonly BackupSwitch[];
  readonly tally: Tally;
}

/** How often, and how. */
export interface BackupSwitchesOptions {
  readonly kind: OutageKind;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

const gopMs = framesPerGop * framePeriodMs;
/** The backup's frames are told from the primary's by the number of their session. */
const backupSession = 100;
/** The outages spread evenly over the time between two keyframes, whatever their number. */
const goldenShare = 0.618;
const readyMs = 30_000;

/** Runs them on a cluster of their own: three origins, two edges, two controllers. */
export async function runBackupSwitches(options: BackupSwitchesOptions): Promise<BackupSwitchesReport> {
  const { kind, rounds, progress } = options;
  const cluster = await BenchCluster.start({ origins: 3, edges: 2, controllers: 2 });
  const switches: BackupSwitch[] = [];
  const tally = tallyOf();
  for (let round = 0; round < rounds; round++) {
    const { result, witnesses } = await runSwitch(cluster, kind, round);
    switches.push(result);
    for (const witness of witnesses) {
      tally.add(witness);
      witness.viewer.leave();
    }
    const gap = Math.max(...result.gapMs).toFixed(0);
    progress(`backup, ${kind} ${String(round + 1)}/${String(rounds)}: ${gap} ms without picture`);
  }
  return { kind, switches, tally };
}

async function runSwitch(
  cluster: BenchCluster,
  kind: OutageKind,
  round: number,
): Promise<{ result: BackupSwitch; witnesses: Awaited<ReturnType<typeof watchOn>> }> {
  const [first, second] = [cluster.origins[round % 3], cluster.origins[(round + 1) % 3]];
  if (first === undefined || second === undefined) throw new Error('there are not enough origins');
  const name = `live/twin-${kind}-${String(round)}`;
  const stream = `${name}?token=secret&backup=1`;
  // It knows no other origin: coming back through another one it might have the stream again before the backup has it.
  const primary = await ChaosEncoder.start({ stream, addresses: [first.rtmp] });
  const backup = await ChaosEncoder.start({
    ...{ stream, addresses: [second.rtmp] },
    firstSession: backupSession,
  });
  const witnesses = await watchOn(cluster.edges, name);
  await untilBackedUp(cluster, name, second);
  await delay(((round * goldenShare) % 1) * gopMs);
  for (const witness of witnesses) witness.mark();
  const claims = followClaims(cluster, first);
  const atMs = performance.now();
  first.signal(kind === 'crash' ? 'SIGKILL' : 'SIGSTOP');
  try {
    await seeSession(witnesses, backupSession);
    const claimedMs = (claims.atMs.get(name) ?? Number.NaN) - atMs;
    return { result: { claimedMs, gapMs: witnesses.map(({ maxGapMs }) => maxGapMs) }, witnesses };
  } finally {
    claims.close();
    // Before viewers leave, so that a primary that comes back late would be seen by them.
    if (kind === 'crash') await first.start();
    else first.signal('SIGCONT');
    await cluster.untilComplete();
    primary.stop();
    backup.stop();
  }
}

async function untilBackedUp({ registry }: BenchCluster, name: string, node: BenchNode): Promise<void> {
  await waitUntil(
    `${node.id} is the backup of ${name}`,
    async () => {
      const standby = (await registry.stream(parseStreamKey(name)))?.standby;
      return standby?.publishes === true && standby.nodeId === node.id;
    },
    { timeoutMs: readyMs },
  );
}

/** The backup is asked for when nothing came for a second, and begins with its next keyframe. */
const switchTargetMs = gopMs + 1_200;

/** The rows of a report's table. */
export function figuresOfSwitches({ kind, switches }: BackupSwitchesReport): Figure[] {
  const title = `backup, ${kind} of the primary's origin`;
  return [
    { title: `${title}: registry points elsewhere`, valuesMs: switches.map(({ claimedMs }) => claimedMs) },
    {
      title: `${title}: viewer's whole gap`,
      valuesMs: switches.flatMap(({ gapMs }) => gapMs),
      targetMs: switchTargetMs,
    },
  ];
}
