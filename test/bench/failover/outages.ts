// Many outages, one after the other, of one cluster under two streams: one whose publisher proves who it is, and one whose
// publisher cannot, so that it has to wait until its old origin is known to be dead.
import { setTimeout as delay } from 'node:timers/promises';
import { ChaosEncoder } from '../../support/chaos-encoder.ts';
import { watchOn, type Witness } from '../../support/chaos-witness.ts';
import { BenchCluster } from './bench-cluster.ts';
import type { Figure } from './figures.ts';
import { runOutage, type Channel, type OutageKind, type OutageResult } from './outage.ts';
import { tallyOf, type Tally } from './tally.ts';

/** What was measured and seen. */
export interface OutagesReport {
  readonly kind: OutageKind;
  readonly results: readonly OutageResult[];
  readonly tally: Tally;
}

/** How often, and with what publishers. */
export interface OutagesOptions {
  readonly kind: OutageKind;
  readonly rounds: number;
  readonly publisherTimeoutMs: number;
  readonly progress: (text: string) => void;
}

/** Viewers keep what they saw: after so many outages others take their places. */
const roundsPerAudience = 10;
const heartbeatMs = 1_000;
/** Rounds spread evenly over the time between two heartbeats, whatever their number. */
const goldenShare = 0.618;

/** Runs them on a cluster of their own: three origins, two edges, two controllers. */
export async function runOutages(options: OutagesOptions): Promise<OutagesReport> {
  const { kind, rounds, publisherTimeoutMs, progress } = options;
  const cluster = await BenchCluster.start({ origins: 3, edges: 2, controllers: 2 });
  const addresses = [cluster.publishAddress];
  const publishers = await Promise.all(
    [
      { stream: 'live/open', hasCredential: false, query: '' },
      { stream: 'live/proven', hasCredential: true, query: '?token=secret' },
    ].map(async ({ stream, hasCredential, query }) => ({
      stream,
      hasCredential,
      encoder: await ChaosEncoder.start({ stream: stream + query, addresses }),
    })),
  );
  const results: OutageResult[] = [];
  const tally = tallyOf();
  for (let round = 0; round < rounds;) {
    const channels: Channel[] = [];
    for (const publisher of publishers) {
      channels.push({ ...publisher, witnesses: await watchOn(cluster.edges, publisher.stream) });
    }
    const audience = channels.flatMap(({ witnesses }) => witnesses);
    const last = Math.min(rounds, round + roundsPerAudience);
    for (; round < last; round++) {
      await delay(((round * goldenShare) % 1) * heartbeatMs);
      const target = channels[round % channels.length];
      if (target === undefined) throw new Error('there is no stream');
      const result = await runOutage({ cluster, kind, channels, target, publisherTimeoutMs });
      results.push(result);
      progress(
        `${kind} ${String(round + 1)}/${String(rounds)}: verdict after ${result.verdictMs.toFixed(0)} ms`,
      );
    }
    dismiss(audience, tally);
  }
  return { kind, results, tally };
}

function dismiss(audience: readonly Witness[], tally: Tally): void {
  for (const witness of audience) {
    tally.add(witness);
    witness.viewer.leave();
  }
}

const verdictTargets: Readonly<Record<OutageKind, number>> = { crash: 1_000, freeze: 4_000 };
const firstFrameTargetMs = 200;

/** The rows of a report's table. */
export function figuresOf({ kind, results }: OutagesReport): Figure[] {
  const streams = results.flatMap((result) => result.streams);
  const figures: Figure[] = [
    {
      title: `${kind}: verdict`,
      valuesMs: results.map(({ verdictMs }) => verdictMs),
      targetMs: verdictTargets[kind],
    },
  ];
  for (const hasCredential of [true, false]) {
    const some = streams.filter((stream) => stream.hasCredential === hasCredential);
    const title = `${kind}, publisher ${hasCredential ? 'with' : 'without'} credential`;
    figures.push(
      { title: `${title}: registry points elsewhere`, valuesMs: some.map(({ claimedMs }) => claimedMs) },
      { title: `${title}: publisher back`, valuesMs: some.map(({ publisherMs }) => publisherMs) },
      {
        title: `${title}: viewer's first frame after its keyframe`,
        valuesMs: some.flatMap(({ firstFrameMs }) => firstFrameMs),
        targetMs: firstFrameTargetMs,
      },
      { title: `${title}: viewer's whole gap`, valuesMs: some.flatMap(({ gapMs }) => gapMs) },
    );
  }
  return figures;
}
