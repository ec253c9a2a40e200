// What to do about what is seen: a pure function, so that the same cluster always gets the same plan, whoever makes it.
import type { JobRecord, NodeRef, Standby } from '@headwater/cluster';
import type { StreamKey } from '@headwater/contracts';
import type { ObservedNode } from './detector.ts';
import { planJobs, type AssignJob } from './job-plan.ts';
import { nodeKey } from './node-key.ts';
import { StandbyChoice } from './standby-choice.ts';
import type { ObservedStream } from './stream-view.ts';

/** The cluster as one controller sees it at one moment. */
export interface ObservedCluster {
  readonly nodes: readonly ObservedNode[];
  readonly streams: readonly ObservedStream[];
  readonly jobs?: readonly JobRecord[];
}

/** What operators decide. */
export interface FailoverPolicy {
  /** How long the stream of a dead owner waits for its publisher before it is ended; longer than viewers are held. */
  readonly orphanHoldMs: number;
  /** Whether a stream gets a standby. */
  readonly wantsStandby: (stream: StreamKey) => boolean;
}

/** Defaults of `FailoverPolicy`: every stream gets a standby; orphans end after two minutes. */
export const defaultFailoverPolicy: FailoverPolicy = { orphanHoldMs: 120_000, wantsStandby: () => true };

/**
 * One step, with all that it is based on. `expel_node` orphans all streams of a dead node. `set_standby` appoints,
 * replaces or dismisses (undefined). `end_orphan` ends what nobody came back for. `assign_job` gives a job to a node.
 */
export type FailoverAction =
  | { readonly type: 'expel_node'; readonly node: NodeRef; readonly silentMs: number }
  | {
      readonly type: 'set_standby';
      readonly stream: StreamKey;
      readonly epoch: number;
      readonly standby: Standby | undefined;
    }
  | { readonly type: 'end_orphan'; readonly stream: StreamKey; readonly epoch: number }
  | AssignJob;

/** So many streams, and so many jobs, at most are changed by one plan; the next goes on, so that a verdict never waits long. */
const maxActions = 256;

/** What to do now: the dead first, then jobs and streams, by name. Empty when all is as it should be. */
export function planFailover(cluster: ObservedCluster, policy: FailoverPolicy): readonly FailoverAction[] {
  const nodes = [...cluster.nodes].sort((a, b) => compareText(nodeKey(a.node), nodeKey(b.node)));
  const streams = [...cluster.streams].sort((a, b) => compareText(a.record.stream, b.record.stream));
  const expelled = nodes
    .filter(({ health, isListed }) => health === 'dead' && isListed)
    .map(({ node, silentMs }) => ({ type: 'expel_node', node, silentMs }) as const);
  const ofStreams = [...endedOrphans(nodes, streams, policy), ...standbys(nodes, streams, policy)];
  const jobs = [...(cluster.jobs ?? [])].sort((a, b) => compareText(a.job.id, b.job.id));
  return [...expelled, ...planJobs(nodes, jobs).slice(0, maxActions), ...ofStreams.slice(0, maxActions)];
}

// Only of an owner that is known to be dead: one that is merely cut off from the registry still has its publisher.
function endedOrphans(
  nodes: readonly ObservedNode[],
  streams: readonly ObservedStream[],
  policy: FailoverPolicy,
): FailoverAction[] {
  const gone = new Set(
    nodes.filter(({ health }) => health === 'dead' || health === 'left').map(({ node }) => nodeKey(node)),
  );
  return streams
    .filter(({ record, orphanedMs }) => record.state === 'orphaned' && orphanedMs >= policy.orphanHoldMs)
    .filter(({ record }) => gone.has(nodeKey(record.owner)))
    .map(({ record }) => ({ type: 'end_orphan', stream: record.stream, epoch: record.epoch }));
}

// A stream whose owner is dead keeps its standby, which may be what edges pull from until the publisher is back. A backup
// that was declared is no controller's to move while its node lives.
function standbys(
  nodes: readonly ObservedNode[],
  streams: readonly ObservedStream[],
  policy: FailoverPolicy,
): FailoverAction[] {
  const dead = new Set(nodes.filter(({ health }) => health === 'dead').map(({ node }) => nodeKey(node)));
  const served = streams
    .map(({ record }) => record)
    .filter(({ state, owner }) => (state === 'live' || state === 'interrupted') && !dead.has(nodeKey(owner)));
  const choice = new StandbyChoice(nodes, served);
  const actions: FailoverAction[] = [];
  for (const record of served) {
    const { stream, epoch } = record;
    if (choice.isDeclared(record)) continue;
    const isWanted = policy.wantsStandby(stream);
    if (isWanted && choice.isGood(record)) continue;
    const standby = isWanted ? choice.choose(record) : undefined;
    if (standby === undefined && record.standby === undefined) continue;
    actions.push({ type: 'set_standby', stream, epoch, standby });
  }
  return actions;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
