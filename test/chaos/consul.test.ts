// Consul goes away, stands still, comes back without its memory, or refuses a node: everybody goes on with what they know.
import { expect, it } from 'vitest';
import { ChaosCluster, type ChaosNode } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, Witness, watchOn } from '../support/chaos-witness.ts';
import { type RunningConsul, startConsul } from '../support/consul.ts';
import { startHeadwater } from '../support/headwater.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;
const masterToken = '6c1b1b5e-2f5c-4f5e-9d77-0f4f9a5f7c11';

const byConsul = (consul: RunningConsul, token?: string): Readonly<Record<string, string>> => ({
  'discovery.kind': 'consul',
  'discovery.consul.url': consul.url,
  ...(token === undefined ? {} : { 'discovery.consul.token': token }),
});

async function servicesIn(consul: RunningConsul): Promise<number> {
  return Object.keys((await consul.call('GET', '/agent/services')) as object).length;
}

async function untilDoubted(nodes: readonly ChaosNode[]): Promise<void> {
  for (const node of nodes) {
    const hasNoticed = async (): Promise<boolean> => (await node.confirmedNodes()).length === 0;
    await waitUntil(`${node.id} has noticed`, hasNoticed, { timeoutMs: 20_000 });
  }
}

it('a Consul that is killed, comes back empty, and stands still: publishers find an origin through an edge, viewers notice nothing', async () => {
  const consul = await startConsul();
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2, set: byConsul(consul) });
  expect(await servicesIn(consul)).toBe(4);
  const publish = async (stream: string, node: ChaosNode): Promise<ChaosEncoder> =>
    ChaosEncoder.start({ stream, addresses: [node.rtmp] });
  const encoders = [await publish('live/before', cluster.origin(0))];
  const witnesses = await watchOn(cluster.edges, 'live/before');
  await waitUntil(
    'nearness is known',
    async () => (await cluster.edge(0).nodeView('origin-1'))?.distanceMs === 0,
    { timeoutMs: 20_000 },
  );

  consul.kill('SIGKILL');
  await untilDoubted(cluster.nodes);
  encoders.push(await publish('live/without', cluster.edge(0)));
  witnesses.push(...(await watchOn(cluster.edges, 'live/without')));
  await consul.restart();
  await cluster.untilComplete();
  expect(await servicesIn(consul)).toBe(4);

  consul.kill('SIGSTOP');
  await untilDoubted(cluster.nodes);
  encoders.push(await publish('live/frozen', cluster.edge(1)));
  witnesses.push(...(await watchOn(cluster.edges, 'live/frozen')));
  consul.kill('SIGCONT');
  await cluster.untilComplete();

  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  for (const { sessions } of encoders) expect(sessions).toMatchObject([{ end: undefined }]);
  for (const node of cluster.nodes) {
    const said = node.messages();
    expect(said.filter((message) => message === 'consul is back').length).toBeGreaterThan(1);
    expect(said.filter((message) => message === 'consul is away').length).toBeLessThan(10);
  }
  const exits = await Promise.all(cluster.edges.map(async (edge) => edge.terminate()));
  expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  expect(await servicesIn(consul)).toBe(2);
});

it('a node with a wrong token says which rights are missing, serves viewers, and finds origins by the registry', async () => {
  const consul = await startConsul({ masterToken });
  const rules = 'service "headwater" { policy = "write" } node_prefix "" { policy = "read" }';
  await consul.call('PUT', '/acl/policy', { Name: 'node', Rules: rules });
  const token = (await consul.call('PUT', '/acl/token', { Policies: [{ Name: 'node' }] })) as {
    SecretID: string;
  };
  const cluster = await ChaosCluster.start({ origins: 1, edges: 1, set: byConsul(consul, token.SecretID) });
  const wrong = 'ffffffff-0000-0000-0000-ffffffffffff';
  const refused = await startHeadwater({
    role: 'edge',
    set: {
      'node.id': 'edge-refused',
      'registry.kind': 'redis',
      'registry.redis.url': `redis://127.0.0.1:${String(cluster.edge(0).redis.port)}`,
      ...byConsul(consul, wrong),
    },
  });
  const line = await waitUntil('it says so', () =>
    refused.logs().find(({ msg }) => msg === 'consul refuses the token'),
  );
  expect(line).toMatchObject({
    level: 'error',
    reason: 'Consul does not know the token (register service)',
    needs: 'service:write on headwater, node:read on all nodes',
  });
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [refused.ready.rtmp ?? ''] });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const own = Witness.watchAll(refused, 'live/cam');
  await seeMore([...witnesses, ...own]);
  expect(faultsOf([...witnesses, ...own])).toEqual([]);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
  expect(await cluster.edge(0).confirmedNodes()).toEqual(['edge-1', 'origin-1']);
  expect(refused.logs().filter(({ msg }) => msg === 'consul refuses the token')).toHaveLength(1);
  expect(refused.child.stdout + refused.child.stderr).not.toContain(wrong);
  for (const { id, node } of cluster.nodes) {
    const all = node.child.stdout + node.child.stderr;
    expect([id, all.includes(token.SecretID)]).toEqual([id, false]);
    expect(all).not.toContain('consul refuses the token');
  }
});
