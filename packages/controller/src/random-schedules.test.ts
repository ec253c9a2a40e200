// Whatever happens in whatever order to nodes, controllers and the registry: nobody who answers is held for dead, no epoch
// has two owners, no leader writes after a later one, and when all is quiet again nothing is left undone.
import { streamKey } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedCluster, type Condition } from './testing/simulated-cluster.ts';

const nodeIds = ['o1', 'o2', 'o3', 'o4'];
const controllerIds = ['c1', 'c2', 'c3'];
const streams = ['a', 'b', 'c'].map((name) => streamKey('live', name));
const leaseMs = 4_000;

type Step =
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'condition'; readonly node: number; readonly condition: Condition }
  | {
      readonly do: 'cut';
      readonly node: number;
      readonly from: 'registry' | 'controllers';
      readonly isCut: boolean;
    }
  | { readonly do: 'publish'; readonly node: number; readonly stream: number }
  | { readonly do: 'report'; readonly node: number }
  | { readonly do: 'registry'; readonly isDown: boolean }
  | { readonly do: 'forget' }
  | { readonly do: 'pause' | 'resume'; readonly controller: number }
  | { readonly do: 'isolate'; readonly controller: number; readonly isCut: boolean };

const node = fc.nat({ max: nodeIds.length - 1 });
const controller = fc.nat({ max: controllerIds.length - 1 });
const time = fc.record({
  do: fc.constant('pass' as const),
  ms: fc.constantFrom(100, 700, 1_500, 3_000, 6_000),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: time },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('condition' as const),
      node,
      condition: fc.constantFrom<Condition>('up', 'frozen', 'crashed'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      node,
      from: fc.constantFrom('registry' as const, 'controllers' as const),
      isCut: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      node,
      stream: fc.nat({ max: streams.length - 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('report' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('registry' as const), isDown: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const), controller }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('isolate' as const), controller, isCut: fc.boolean() }),
  },
);

interface Run {
  readonly cluster: SimulatedCluster;
  /** Where in `applied` the registry lost its memory, and with it the fence. */
  readonly forgotAt: number[];
}

async function begin(): Promise<Run> {
  const cluster = new SimulatedCluster();
  for (const [index, nodeId] of nodeIds.entries()) await cluster.addNode(nodeId, index * 230);
  for (const nodeId of controllerIds) cluster.addController(nodeId);
  await cluster.pass(5_000, 100);
  cluster.onVerdict = (by, nodeId) => {
    const judged = cluster.node(nodeId);
    const nowMs = cluster.clock.nowMs();
    if (by.probed.get(nodeId)?.outcome === 'answered') throw new Error(`${nodeId} answered its last probe`);
    if (nowMs - judged.answersSinceMs > leaseMs) throw new Error(`${nodeId} would have answered for a lease`);
  };
  return { cluster, forgotAt: [] };
}

async function apply({ cluster, forgotAt }: Run, step: Step): Promise<void> {
  if (step.do === 'pass') {
    await cluster.pass(step.ms, 100);
  } else if (step.do === 'registry') {
    cluster.isRegistryDown = step.isDown;
  } else if (step.do === 'forget') {
    cluster.registry.restore();
    forgotAt.push(cluster.applied.length);
  } else if ('controller' in step) {
    const target = cluster.controllers[step.controller];
    if (target === undefined) return;
    if (step.do === 'isolate') target.isCutFromRegistry = step.isCut;
    else if (step.do === 'pause') target.pause();
    else target.resume();
  } else {
    const target = cluster.node(nodeIds[step.node] ?? '');
    if (step.do === 'report') await cluster.report(target);
    else if (step.do === 'publish') {
      await cluster.publish(target, streams[step.stream] ?? streamKey('live', 'a'), 'c');
    } else if (step.do === 'condition') cluster.set(target, { condition: step.condition });
    else if (step.from === 'registry') cluster.set(target, { isCutFromRegistry: step.isCut });
    else cluster.set(target, { isCutFromControllers: step.isCut });
  }
}

function expectOneOwnerPerEpoch({ cluster }: Run): void {
  const owners = new Map<string, string>();
  for (const event of cluster.events) {
    if (event.type !== 'stream_claimed') continue;
    const { stream, epoch, owner } = event.record;
    const key = `${stream} ${epoch}`;
    expect([key, owners.get(key) ?? owner.nodeId]).toEqual([key, owner.nodeId]);
    owners.set(key, owner.nodeId);
  }
}

function expectFencedWrites({ cluster, forgotAt }: Run): void {
  let highest = 0;
  for (const [index, write] of cluster.applied.entries()) {
    if (forgotAt.includes(index)) highest = 0;
    expect(write.token).toBeGreaterThanOrEqual(highest);
    highest = write.token;
  }
}

/** Everything is mended but what has crashed, and time passes: then all must be as it should be. */
async function expectQuiet({ cluster }: Run): Promise<void> {
  cluster.isRegistryDown = false;
  for (const each of cluster.controllers) {
    each.isCutFromRegistry = false;
    each.resume();
  }
  for (const each of cluster.nodes) {
    cluster.set(each, { isCutFromRegistry: false, isCutFromControllers: false });
  }
  await cluster.pass(20_000, 100);
  expect(cluster.leaders).toHaveLength(1);
  const alive = cluster.nodes
    .filter(({ condition }) => condition === 'up')
    .map(({ record }) => record.nodeId);
  expect((await cluster.registry.nodes()).map(({ nodeId }) => nodeId).sort()).toEqual(alive);
  const leader = cluster.leaders[0]?.controller.state;
  expect(leader?.blindness).toBeUndefined();
  const healthy = leader?.nodes.filter(({ health }) => health === 'healthy').map(({ nodeId }) => nodeId);
  expect(healthy).toEqual(alive);
  for (const { state, owner, standby } of await cluster.registry.streams()) {
    expect(state === 'orphaned').toBe(!alive.includes(owner.nodeId));
    if (state === 'orphaned') continue;
    if (alive.length < 2) expect(standby).toBeUndefined();
    else expect(alive.filter((nodeId) => nodeId !== owner.nodeId)).toContain(standby?.nodeId);
  }
}

describe('any schedule of faults', () => {
  it('ends with everything in its place, and never harms the living', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const run = await begin();
        for (const each of steps) await apply(run, each);
        await expectQuiet(run);
        expectOneOwnerPerEpoch(run);
        expectFencedWrites(run);
        await run.cluster.close();
      }),
      { numRuns: Number(process.env['HEADWATER_SCHEDULES'] ?? 40) },
    );
  }, 600_000);
});
