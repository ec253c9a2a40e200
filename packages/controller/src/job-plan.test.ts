import type { JobRecord, NodeRecord } from '@headwater/cluster';
import { refOf, testJob, testNode } from '@headwater/cluster/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedNode } from './detector.ts';
import { planJobs, type AssignJob } from './job-plan.ts';
import type { NodeHealth } from './node-health.ts';

const healths: readonly NodeHealth[] = ['healthy', 'suspect', 'isolated', 'dead', 'left'];

function node(
  nodeId: string,
  health: NodeHealth = 'healthy',
  changes: Partial<NodeRecord> = {},
): ObservedNode {
  const record = testNode(nodeId, changes);
  const isListed = health === 'healthy' || health === 'suspect';
  return { node: refOf(record), record, health, isListed, silentMs: 300 };
}

function busy(nodeId: string, publishers: number): ObservedNode {
  return node(nodeId, 'healthy', { load: { cpu: 0, publishers, viewers: 0, egressBitsPerSecond: 0 } });
}

function job(name: string, assignee?: ObservedNode): JobRecord {
  return { job: testJob(`live/${name}`), revision: 7, ...(assignee && { assignee: assignee.node }) };
}

function assign(name: string, to: ObservedNode): AssignJob {
  return { type: 'assign_job', jobId: `live:${name}`, revision: 7, assignee: to.node };
}

const o1 = node('o1');
const o2 = node('o2');
const draining = node('o1', 'healthy', { isDraining: true });

interface Row {
  readonly title: string;
  readonly nodes: readonly ObservedNode[];
  readonly jobs: readonly JobRecord[];
  readonly actions: readonly AssignJob[];
}

const rows: readonly Row[] = [
  { title: 'does nothing where there are no jobs', nodes: [o1], jobs: [], actions: [] },
  { title: 'does nothing where there is nobody', nodes: [], jobs: [job('a')], actions: [] },
  { title: 'gives a new job to the only origin', nodes: [o1], jobs: [job('a')], actions: [assign('a', o1)] },
  {
    title: 'gives a new job to the origin with the fewest publishers',
    nodes: [busy('o1', 3), busy('o2', 2)],
    jobs: [job('a')],
    actions: [assign('a', o2)],
  },
  {
    title: 'counts the jobs that an origin was given, which do not publish yet',
    nodes: [o1, o2],
    jobs: [job('a', o1), job('b')],
    actions: [assign('b', o2)],
  },
  {
    title: 'leaves a job where it is, however much its origin has to do',
    nodes: [busy('o1', 1_000), o2],
    jobs: [job('a', o1)],
    actions: [],
  },
  ...(['suspect', 'isolated'] as const).map((health) => ({
    title: `leaves a job with an origin that is ${health}`,
    nodes: [node('o1', health), o2],
    jobs: [job('a', o1)],
    actions: [],
  })),
  ...(['dead', 'left'] as const).map((health) => ({
    title: `moves the jobs of an origin that is ${health}`,
    nodes: [node('o1', health), o2],
    jobs: [job('a', o1), job('b', o2)],
    actions: [assign('a', o2)],
  })),
  {
    title: 'moves the jobs of the run before of an origin that is back',
    nodes: [node('o1', 'left'), node('o1', 'healthy', { incarnation: 'o1 run 2' })],
    jobs: [job('a', o1)],
    actions: [assign('a', node('o1', 'healthy', { incarnation: 'o1 run 2' }))],
  },
  {
    title: 'moves the jobs of an origin that drains',
    nodes: [draining, o2],
    jobs: [job('a', o1)],
    actions: [assign('a', o2)],
  },
  {
    title: 'leaves a job with an origin that drains when there is no other',
    nodes: [draining, node('e1', 'healthy', { roles: ['edge'] })],
    jobs: [job('a', o1)],
    actions: [],
  },
  {
    title: 'leaves a job with an origin that was never seen, until it is known to be dead',
    nodes: [o2],
    jobs: [job('a', o1)],
    actions: [],
  },
  ...(['suspect', 'isolated', 'dead', 'left'] as const).map((health) => ({
    title: `gives nothing to an origin that is ${health}`,
    nodes: [node('o1', health)],
    jobs: [job('a')],
    actions: [],
  })),
  {
    title: 'gives nothing to an origin that drains, nor to an edge',
    nodes: [draining, node('e1', 'healthy', { roles: ['edge'] })],
    jobs: [job('a')],
    actions: [],
  },
];

describe('the plan for jobs', () => {
  it.each(rows)('$title', ({ nodes, jobs, actions }) => {
    expect(planJobs(nodes, jobs)).toEqual(actions);
  });

  it('spreads jobs over origins that are alike', () => {
    const nodes = ['o1', 'o2', 'o3'].map((nodeId) => node(nodeId));
    const jobs = Array.from({ length: 30 }, (_, index) => job(`s${index}`));
    const given = planJobs(nodes, jobs).map(({ assignee }) => assignee.nodeId);
    for (const nodeId of ['o1', 'o2', 'o3']) expect(given.filter((to) => to === nodeId)).toHaveLength(10);
  });

  it('never moves what a living node does that does not drain, gives to ready origins only, and then has nothing to do', () => {
    const someNode = fc.record({
      health: fc.constantFrom(...healths),
      isDraining: fc.boolean(),
      isOrigin: fc.boolean(),
      publishers: fc.nat(3),
    });
    const cluster = fc.record({
      nodes: fc.array(someNode, { maxLength: 5 }),
      owners: fc.array(fc.option(fc.nat(6), { nil: undefined }), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(cluster, ({ nodes: made, owners }) => {
        const nodes = made.map(({ health, isDraining, isOrigin, publishers }, index) => {
          const load = { cpu: 0, publishers, viewers: 0, egressBitsPerSecond: 0 };
          return node(`o${index}`, health, { isDraining, roles: isOrigin ? ['origin'] : ['edge'], load });
        });
        const jobs = owners.map((owner, index) =>
          job(`s${String(index)}`, owner === undefined ? undefined : node(`o${String(owner)}`)),
        );
        const planned = planJobs(nodes, jobs);
        for (const { jobId, assignee } of planned) {
          const former = jobs.find((record) => record.job.id === jobId)?.assignee;
          const from = nodes.find((observed) => observed.node.nodeId === former?.nodeId);
          const to = nodes.find((observed) => observed.node.nodeId === assignee.nodeId);
          expect(to).toMatchObject({ health: 'healthy', record: { isDraining: false, roles: ['origin'] } });
          const mayLeave = from?.health === 'dead' || from?.health === 'left' || from?.record?.isDraining;
          expect(former === undefined || mayLeave).toBe(true);
        }
        const after = jobs.map((record) => {
          const action = planned.find(({ jobId }) => jobId === record.job.id);
          return action === undefined ? record : { ...record, assignee: action.assignee };
        });
        expect(planJobs(nodes, after)).toEqual([]);
        expect(planJobs(nodes, jobs)).toEqual(planned);
      }),
      { numRuns: 500 },
    );
  });
});
