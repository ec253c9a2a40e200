// Which node does which job: a pure function. A job stays where it is while its node lives and does not drain.
import type { JobRecord, NodeRef } from '@headwater/cluster';
import type { ObservedNode } from './detector.ts';
import { nodeKey } from './node-key.ts';
import { spread } from './spread.ts';

/** Gives a job to a node that is ready for it. */
export interface AssignJob {
  readonly type: 'assign_job';
  readonly jobId: string;
  readonly revision: number;
  readonly assignee: NodeRef;
}

interface Candidate {
  readonly node: NodeRef;
  /** Publishers it has, and jobs that it was given: those that run count twice, which is the same for all. */
  load: number;
}

/** Assigns what nobody does, or somebody who is dead, has left or drains, to the origins with the least to do. */
export function planJobs(nodes: readonly ObservedNode[], jobs: readonly JobRecord[]): AssignJob[] {
  const byRun = new Map(nodes.map((observed) => [nodeKey(observed.node), observed]));
  const candidates = candidatesOf(nodes, jobs);
  const actions: AssignJob[] = [];
  for (const { job, revision, assignee } of jobs) {
    if (assignee !== undefined && isKept(byRun.get(nodeKey(assignee)))) continue;
    const best = leastLoaded(candidates, job.id);
    // One that drains goes on until there is somebody else.
    if (best === undefined) break;
    best.load++;
    const { nodeId, incarnation } = best.node;
    actions.push({ type: 'assign_job', jobId: job.id, revision, assignee: { nodeId, incarnation } });
  }
  return actions;
}

// A node that was never seen is looked for first: it may be about to join again.
function isKept(node: ObservedNode | undefined): boolean {
  if (node === undefined) return true;
  return node.health !== 'dead' && node.health !== 'left' && node.record?.isDraining !== true;
}

function candidatesOf(nodes: readonly ObservedNode[], jobs: readonly JobRecord[]): readonly Candidate[] {
  const given = new Map<string, number>();
  for (const { assignee } of jobs) {
    if (assignee !== undefined) given.set(nodeKey(assignee), (given.get(nodeKey(assignee)) ?? 0) + 1);
  }
  return nodes.flatMap(({ node, record, health, isListed }) => {
    if (health !== 'healthy' || !isListed || record === undefined || record.isDraining) return [];
    if (!record.roles.includes('origin')) return [];
    return [{ node, load: record.load.publishers + (given.get(nodeKey(node)) ?? 0) }];
  });
}

function leastLoaded(candidates: readonly Candidate[], jobId: string): Candidate | undefined {
  const ranked = candidates.map((candidate) => {
    return { candidate, rank: [candidate.load, spread(`${jobId} ${candidate.node.nodeId}`)] as const };
  });
  const [best] = ranked.sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1]);
  return best?.candidate;
}
