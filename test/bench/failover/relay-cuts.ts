// The connections between an origin and its edges are cut, again and again: nothing may be lost, and nothing come twice.
import { ChaosCluster } from '../../support/chaos-cluster.ts';
import { ChaosEncoder } from '../../support/chaos-encoder.ts';
import { longestGapMs, seeMore, watchOn } from '../../support/chaos-witness.ts';
import type { Figure } from './figures.ts';
import { tallyOf, type Tally } from './tally.ts';

/** What was measured and seen. */
export interface RelayCutsReport {
  /** Connections that were cut. */
  readonly connections: number;
  /** Frames that all viewers got together. */
  readonly frames: number;
  /** For each cut, the longest time that any viewer was without picture. */
  readonly gapsMs: readonly number[];
  readonly tally: Tally;
}

/** Cuts all connections so many times. */
export async function runRelayCuts(cuts: number): Promise<RelayCutsReport> {
  const cluster = await ChaosCluster.start({ origins: 1, edges: 2 });
  const origin = cluster.origin(0);
  await ChaosEncoder.start({ stream: 'live/cut', addresses: [origin.rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/cut');
  const gapsMs: number[] = [];
  let connections = 0;
  for (let cut = 0; cut < cuts; cut++) {
    for (const witness of witnesses) witness.mark();
    connections += origin.relay?.cut() ?? 0;
    await seeMore(witnesses);
    gapsMs.push(longestGapMs(witnesses));
  }
  const tally = tallyOf();
  for (const witness of witnesses) tally.add(witness);
  const frames = witnesses.reduce((sum, witness) => sum + witness.frames, 0);
  return { connections, frames, gapsMs, tally };
}

/** The rows of a report's table. */
export function figuresOfCuts({ gapsMs }: RelayCutsReport): Figure[] {
  return [{ title: "relay cut: viewer's whole gap", valuesMs: gapsMs }];
}
