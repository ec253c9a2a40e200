import type { NodeRecord, Standby, StreamRecord } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { streamKey } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedNode } from './detector.ts';
import type { NodeHealth } from './node-health.ts';
import { planFailover, type FailoverAction, type FailoverPolicy, type ObservedCluster } from './plan.ts';
import type { ObservedStream } from './stream-view.ts';

const policy: FailoverPolicy = { orphanHoldMs: 60_000, wantsStandby: () => true };
const noStandbys: FailoverPolicy = { ...policy, wantsStandby: () => false };

function origin(nodeId: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return testNode(nodeId, { addresses: { relay: `${nodeId}:50051` }, ...changes });
}

function node(
  record: NodeRecord,
  health: NodeHealth = 'healthy',
  changes: Partial<ObservedNode> = {},
): ObservedNode {
  const { nodeId, incarnation } = record;
  const isListed = health === 'healthy' || health === 'suspect';
  return { node: { nodeId, incarnation }, record, health, isListed, silentMs: 300, ...changes };
}

function standbyAt(record: NodeRecord): Standby {
  const { nodeId, incarnation } = record;
  return { nodeId, incarnation, relayAddress: record.addresses.relay ?? '' };
}

function stream(
  name: string,
  owner: NodeRecord,
  changes: Partial<StreamRecord> = {},
  orphanedMs = 0,
): ObservedStream {
  const { nodeId, incarnation } = owner;
  const record: StreamRecord = {
    stream: streamKey('live', name),
    owner: { nodeId, incarnation },
    relayAddress: owner.addresses.relay ?? '',
    epoch: 7,
    state: 'live',
    codecs: [],
    sinceMs: 0,
    ...changes,
  };
  return { record, orphanedMs };
}

const o1 = origin('o1');
const o2 = origin('o2');
const o3 = origin('o3');
/** An origin of a node that is made of several. */
const behind = (nodeId: string): NodeRecord =>
  origin(nodeId, { addresses: { relay: `${nodeId}:50051`, rtmp: 'host:1935' } });
const n1 = node(o1);
const n2 = node(o2);
const ref = (record: NodeRecord): { nodeId: string; incarnation: string } => node(record).node;
const setStandby = (name: string, standby: Standby | undefined): FailoverAction => ({
  type: 'set_standby',
  stream: streamKey('live', name),
  epoch: 7,
  standby,
});

interface Row {
  readonly title: string;
  readonly cluster: ObservedCluster;
  readonly policy?: FailoverPolicy;
  readonly actions: readonly FailoverAction[];
}

const followed = (name: string, changes: Partial<StreamRecord> = {}): ObservedStream =>
  stream(name, o1, { standby: standbyAt(o2), ...changes });

const rows: readonly Row[] = [
  { title: 'does nothing in an empty cluster', cluster: { nodes: [], streams: [] }, actions: [] },
  {
    title: 'does nothing when all is well',
    cluster: { nodes: [n1, n2], streams: [followed('a')] },
    actions: [],
  },
  {
    title: 'expels a dead node whose lease runs, by what it was silent',
    cluster: {
      nodes: [node(o1, 'dead', { isListed: true, silentMs: 1_100 }), n2],
      streams: [stream('a', o1)],
    },
    actions: [{ type: 'expel_node', node: ref(o1), silentMs: 1_100 }],
  },
  {
    title: 'does nothing about a dead node whose lease has ended',
    cluster: { nodes: [node(o1, 'dead'), n2], streams: [stream('a', o1, { state: 'orphaned' })] },
    actions: [],
  },
  ...(['suspect', 'isolated', 'left'] as const).map((health) => ({
    title: `does nothing about a node that is ${health}, nor about its streams`,
    cluster: { nodes: [node(o1, health), n2], streams: [followed('a', { state: 'interrupted' })] },
    actions: [],
  })),
  {
    title: 'does nothing about a draining node, whose stream keeps its standby',
    cluster: { nodes: [node({ ...o1, isDraining: true }), n2], streams: [followed('a')] },
    actions: [],
  },
  {
    title: 'appoints a standby to a stream that has none',
    cluster: { nodes: [n1, n2], streams: [stream('a', o1)] },
    actions: [setStandby('a', standbyAt(o2))],
  },
  {
    title: 'appoints an origin behind the port of the owner only where there is no other, and until there is',
    cluster: {
      nodes: [node(behind('o1')), node(behind('o2')), node(origin('o3', { region: 'far' }))],
      streams: [
        stream('a', o1),
        stream('b', o1, { standby: standbyAt(o2) }),
        stream('c', o3, { standby: standbyAt(o2) }),
      ],
    },
    actions: [setStandby('a', standbyAt(o3)), setStandby('b', standbyAt(o3))],
  },
  {
    title: 'appoints, and keeps, an origin behind the port of the owner where there is no other',
    cluster: {
      nodes: [node(behind('o1')), node(behind('o2'))],
      streams: [stream('a', o1), stream('b', o1, { standby: standbyAt(o2) })],
    },
    actions: [setStandby('a', standbyAt(o2))],
  },
  {
    title: 'appoints nobody when there is no other origin',
    cluster: { nodes: [n1, node(testNode('e1', { roles: ['edge'] }))], streams: [stream('a', o1)] },
    actions: [],
  },
  ...(['suspect', 'isolated', 'dead', 'left'] as const).map((health) => ({
    title: `does not appoint an origin that is ${health}`,
    cluster: { nodes: [n1, node(o2, health)], streams: [stream('a', o1)] },
    actions: [],
  })),
  {
    title: 'does not appoint an origin that drains, or that serves no relay',
    cluster: {
      nodes: [n1, node({ ...o2, isDraining: true }), node({ ...o3, addresses: {} })],
      streams: [stream('a', o1)],
    },
    actions: [],
  },
  {
    title: 'replaces a standby that is dead',
    cluster: { nodes: [n1, node(o2, 'dead'), node(o3)], streams: [followed('a')] },
    actions: [setStandby('a', standbyAt(o3))],
  },
  {
    title: 'replaces a standby that drains',
    cluster: { nodes: [n1, node({ ...o2, isDraining: true }), node(o3)], streams: [followed('a')] },
    actions: [setStandby('a', standbyAt(o3))],
  },
  {
    title: 'appoints the new run of a standby that was restarted',
    cluster: {
      nodes: [n1, node(o2, 'left'), node({ ...o2, incarnation: 'o2 run 2' })],
      streams: [followed('a')],
    },
    actions: [setStandby('a', { ...standbyAt(o2), incarnation: 'o2 run 2' })],
  },
  {
    title: 'corrects the address of a standby that has moved',
    cluster: { nodes: [n1, node({ ...o2, addresses: { relay: 'new:1' } })], streams: [followed('a')] },
    actions: [setStandby('a', { ...standbyAt(o2), relayAddress: 'new:1' })],
  },
  {
    title: 'keeps a standby that is merely suspect or cut off',
    cluster: {
      nodes: [n1, node(o2, 'suspect'), node(o3, 'isolated')],
      streams: [followed('a'), stream('b', o1, { standby: standbyAt(o3) })],
    },
    actions: [],
  },
  {
    title: 'dismisses a standby that is dead when there is nobody else',
    cluster: { nodes: [n1, node(o2, 'dead')], streams: [followed('a')] },
    actions: [setStandby('a', undefined)],
  },
  {
    title: 'dismisses the standby of a stream that is to have none',
    cluster: { nodes: [n1, n2], streams: [followed('a'), stream('b', o1)] },
    policy: noStandbys,
    actions: [setStandby('a', undefined)],
  },
  {
    title: 'leaves a declared backup alone while its node lives, wherever that is and whatever is wanted',
    cluster: {
      nodes: [n1, node(origin('o2', { isDraining: true }), 'suspect'), node(o3)],
      streams: [
        stream('a', o1, { standby: { ...standbyAt(o2), publishes: true } }),
        stream('b', o1, { standby: { ...standbyAt(o2), relayAddress: 'moved:1', publishes: true } }),
      ],
    },
    policy: noStandbys,
    actions: [],
  },
  {
    title: 'replaces a declared backup whose node is dead, or is gone',
    cluster: {
      nodes: [n1, node(o2, 'dead'), node(o3)],
      streams: [
        stream('a', o1, { standby: { ...standbyAt(o2), publishes: true } }),
        stream('b', o1, { standby: { ...standbyAt(origin('o9')), publishes: true } }),
      ],
    },
    actions: [setStandby('a', standbyAt(o3)), setStandby('b', standbyAt(o3))],
  },
  {
    title: 'leaves an orphan its standby, and the stream of a dead owner too',
    cluster: {
      nodes: [node(o1, 'dead', { isListed: true }), node(o2, 'dead'), node(o3)],
      streams: [followed('a', { state: 'orphaned' }), followed('b')],
    },
    actions: [{ type: 'expel_node', node: ref(o1), silentMs: 300 }],
  },
  {
    title: 'prefers another zone of the same region, then the same zone, then another region',
    cluster: {
      nodes: [
        n1,
        node(origin('far', { region: 'south', zone: 'z' })),
        node(origin('near', { zone: 'a' })),
        node(origin('other', { zone: 'b' })),
      ],
      streams: [stream('a', o1)],
    },
    actions: [setStandby('a', standbyAt(origin('other')))],
  },
  {
    title: 'prefers the origin with fewer streams',
    cluster: {
      nodes: [n1, n2, node(o3)],
      streams: [stream('a', o1), stream('b', o2, { standby: standbyAt(o1) })],
    },
    actions: [setStandby('a', standbyAt(o3))],
  },
  {
    title: 'ends an orphan that nobody came back for, once its owner is known to be dead or gone',
    cluster: {
      nodes: [node(o1, 'dead'), node(o2, 'left'), node(o3, 'isolated')],
      streams: [
        stream('b', o2, { state: 'orphaned' }, 60_000),
        stream('a', o1, { state: 'orphaned' }, 60_000),
        stream('young', o1, { state: 'orphaned' }, 59_999),
        stream('cut-off', o3, { state: 'orphaned' }, 600_000),
        stream('unknown', origin('o9'), { state: 'orphaned' }, 600_000),
      ],
    },
    actions: [
      { type: 'end_orphan', stream: streamKey('live', 'a'), epoch: 7 },
      { type: 'end_orphan', stream: streamKey('live', 'b'), epoch: 7 },
    ],
  },
];

describe('the plan of a failover', () => {
  for (const row of rows) {
    it(row.title, () => {
      expect(planFailover(row.cluster, row.policy ?? policy)).toEqual(row.actions);
    });
  }

  it('spreads the standbys of many streams over the origins', () => {
    const streams = Array.from({ length: 90 }, (_, index) => stream(`s${index}`, o1));
    const actions = planFailover({ nodes: [n1, n2, node(o3), node(origin('o4'))], streams }, policy);
    const chosen = actions.map((action) =>
      action.type === 'set_standby' ? action.standby?.nodeId : undefined,
    );
    for (const nodeId of ['o2', 'o3', 'o4']) {
      expect(chosen.filter((each) => each === nodeId)).toHaveLength(30);
    }
  });

  it('changes a bounded number of streams, and expels first', () => {
    const streams = Array.from({ length: 3_000 }, (_, index) => stream(`s${index}`, o1));
    const dead = node(o3, 'dead', { isListed: true });
    const actions = planFailover({ nodes: [n1, n2, dead], streams }, policy);
    expect(actions[0]).toMatchObject({ type: 'expel_node' });
    expect(actions).toHaveLength(257);
  });
});

const someNode = fc
  .record({
    nodeId: fc.constantFrom('o1', 'o2', 'o3', 'o4', 'o5'),
    run: fc.constantFrom('run 1', 'run 2'),
    health: fc.constantFrom<NodeHealth>('healthy', 'suspect', 'isolated', 'dead', 'left'),
    isListed: fc.boolean(),
    isDraining: fc.boolean(),
    zone: fc.constantFrom('a', 'b'),
    isOrigin: fc.boolean(),
  })
  .map(({ nodeId, run, health, isListed, isDraining, zone, isOrigin }) =>
    node(
      origin(nodeId, { incarnation: run, isDraining, zone, roles: isOrigin ? ['origin'] : ['edge'] }),
      health,
      { isListed },
    ),
  );
const someStream = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    owner: fc.constantFrom('o1', 'o2', 'o3', 'o9'),
    standby: fc.option(fc.constantFrom('o1', 'o2', 'o3'), { nil: undefined }),
    state: fc.constantFrom<StreamRecord['state']>('live', 'interrupted', 'orphaned'),
    orphanedMs: fc.constantFrom(0, 1_000, 100_000),
  })
  .map(({ name, owner, standby, state, orphanedMs }) => {
    const changes = standby === undefined ? {} : { standby: standbyAt(origin(standby)) };
    return stream(name, origin(owner), { state, ...changes }, state === 'orphaned' ? orphanedMs : 0);
  });
const someCluster = fc.record({
  nodes: fc.uniqueArray(someNode, { selector: ({ node: each }) => `${each.nodeId} ${each.incarnation}` }),
  streams: fc.uniqueArray(someStream, { selector: ({ record }) => record.stream }),
});

describe('the plan of any cluster', () => {
  it('is the same in whatever order things were seen', () => {
    fc.assert(
      fc.property(someCluster, ({ nodes, streams }) => {
        const reversed = { nodes: [...nodes].reverse(), streams: [...streams].reverse() };
        expect(planFailover(reversed, policy)).toEqual(planFailover({ nodes, streams }, policy));
      }),
    );
  });

  it('touches nobody but the dead, appoints only healthy origins, and is done once it was applied', () => {
    fc.assert(
      fc.property(someCluster, ({ nodes, streams }) => {
        const actions = planFailover({ nodes, streams }, policy);
        const applied = new Map(streams.map((each) => [each.record.stream, each]));
        const left = new Set<string>();
        for (const action of actions) {
          if (action.type === 'expel_node') {
            const expelled = nodes.find(({ node: each }) => each === action.node);
            expect(expelled?.health).toBe('dead');
            left.add(`${action.node.nodeId} ${action.node.incarnation}`);
          } else if (action.type === 'end_orphan') {
            applied.delete(action.stream);
          } else if (action.type === 'assign_job') {
            throw new Error('a job where there is none');
          } else {
            const before = applied.get(action.stream);
            if (before === undefined) throw new Error('a standby for a stream that is not there');
            const { standby } = action;
            expect(standby?.nodeId).not.toBe(before.record.owner.nodeId);
            const chosen = nodes.find(
              ({ node: each }) => each.incarnation === standby?.incarnation && each.nodeId === standby.nodeId,
            );
            if (standby !== undefined) {
              expect(chosen).toMatchObject({
                health: 'healthy',
                record: { isDraining: false, roles: ['origin'] },
              });
            }
            const record: { standby?: Standby } & StreamRecord = { ...before.record };
            delete record.standby;
            applied.set(action.stream, {
              ...before,
              record: standby === undefined ? record : { ...record, standby },
            });
          }
        }
        const nodesAfter = nodes.map((each) =>
          left.has(`${each.node.nodeId} ${each.node.incarnation}`) ? { ...each, isListed: false } : each,
        );
        expect(planFailover({ nodes: nodesAfter, streams: [...applied.values()] }, policy)).toEqual([]);
      }),
    );
  });
});
