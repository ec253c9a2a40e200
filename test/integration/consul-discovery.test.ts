// Discovery by Consul against a real one: what is particular to it.
import { type AnnouncedNode, ConsulDiscovery, type ConsulDiscoveryOptions } from '@headwater/cluster';
import { type LogFields, type Logger, type Metrics, silentMetrics } from '@headwater/contracts';
import { DiscoveryLog, machineClock, testNode } from '@headwater/cluster/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { defer } from '../support/cleanup.ts';
import { type RunningConsul, startConsul } from '../support/consul.ts';
import { waitUntil } from '../support/wait-until.ts';

const masterToken = '6c1b1b5e-2f5c-4f5e-9d77-0f4f9a5f7c11';

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger and metrics for a discovery, and what it has told them. */
function observe() {
  const lines: LogLine[] = [];
  const counts = new Map<string, number>();
  const at = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, message, fields });
  const logger: Logger = {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    child: () => logger,
  };
  const counter: Metrics['counter'] = ({ name }) => ({
    add: (value, labels) => {
      const key = `${name} ${labels?.['reason'] ?? ''}`.trim();
      counts.set(key, (counts.get(key) ?? 0) + value);
    },
  });
  return { lines, counts, given: { logger, metrics: { ...silentMetrics, counter } } };
}

function selfOf(nodeId: string, changes: Parameters<typeof testNode>[1] = {}): AnnouncedNode {
  const { load, isDraining, ...node } = testNode(nodeId, changes);
  return { node, load: () => load, isDraining: () => isDraining };
}

async function startDiscovery(
  consul: RunningConsul,
  options: Partial<ConsulDiscoveryOptions> = {},
): Promise<ConsulDiscovery> {
  const discovery = new ConsulDiscovery({ url: consul.url, clock: machineClock, ...options });
  defer(() => discovery.close());
  await discovery.start();
  return discovery;
}

function idsOf(discovery: ConsulDiscovery): string {
  return discovery
    .nodes()
    .map((node) => node.nodeId)
    .join();
}

async function servicesOf(consul: RunningConsul): Promise<string[]> {
  return Object.keys((await consul.call('GET', '/agent/services')) as object);
}

it('a node is a service with a TTL check and metadata, found by role, and gone when it stops', async () => {
  const consul = await startConsul();
  const discovery = await startDiscovery(consul, { self: selfOf('n1', { roles: ['origin', 'edge'] }) });
  await waitUntil('the node sees itself', () => idsOf(discovery) === 'n1');
  const entries = await consul.call('GET', '/health/service/headwater?tag=edge');
  expect(entries).toMatchObject([
    {
      Service: {
        ID: 'headwater-n1-n1 run 1',
        Tags: ['origin', 'edge'],
        Address: '10.0.0.1',
        Port: 50051,
        Meta: {
          node_id: 'n1',
          zone: 'a',
          region: 'north',
          roles: 'origin,edge',
          address_rtmp: '10.0.0.1:1935',
        },
      },
      Checks: [{ CheckID: 'serfHealth' }, { Type: 'ttl', Status: 'passing' }],
    },
  ]);
  await discovery.close();
  expect(await servicesOf(consul)).toEqual([]);
});

it('a node that is killed leaves when its check has run out', async () => {
  const consul = await startConsul();
  const discovery = await startDiscovery(consul);
  const args = ['--import', 'tsx', '--conditions=source', 'test/support/consul-node-process.ts'];
  const options = JSON.stringify({ url: consul.url, nodeId: 'n1' });
  const child = startChild({ name: 'node', program: process.execPath, args: [...args, options] });
  await waitUntil('the node is known', () => {
    if (child.exit !== undefined) throw new Error(child.tail());
    return idsOf(discovery) === 'n1';
  });
  child.kill('SIGKILL');
  await waitUntil('the node is gone', () => idsOf(discovery) === '');
  expect(discovery.isStale).toBe(false);
});

it('a change reaches those who follow well before their query would have ended by itself', async () => {
  const consul = await startConsul();
  const discovery = await startDiscovery(consul);
  await waitUntil('the first answer is in', () => !discovery.isStale);
  await startDiscovery(consul, { self: selfOf('n1') });
  await waitUntil('the node is known', () => idsOf(discovery) === 'n1', { timeoutMs: 5_000 });
  expect(idsOf(discovery)).toBe('n1');
});

it('a Consul that is killed and comes back empty loses nobody, and gets back every node by itself', async () => {
  const consul = await startConsul();
  const observed = observe();
  const first = await startDiscovery(consul, { self: selfOf('n1'), ...observed.given });
  const second = await startDiscovery(consul, { self: selfOf('n2') });
  await waitUntil('both know both', () => idsOf(first) + idsOf(second) === 'n1,n2n1,n2');
  const logs = [new DiscoveryLog(first), new DiscoveryLog(second)];
  const beganMs = performance.now();
  consul.kill('SIGKILL');
  await waitUntil('the outage is noticed', () => first.isStale && second.isStale);
  // Longer than any check may go without a beat.
  await delay(5_000);
  expect([idsOf(first), idsOf(second)]).toEqual(['n1,n2', 'n1,n2']);
  await consul.restart();
  await waitUntil('both are current', () => !first.isStale && !second.isStale, { timeoutMs: 30_000 });
  const seconds = (performance.now() - beganMs) / 1_000;
  expect((await servicesOf(consul)).sort()).toEqual(['headwater-n1-n1 run 1', 'headwater-n2-n2 run 1']);
  for (const log of logs) expect(new Set(log.heard)).toEqual(new Set(['went_stale', 'became_current']));
  const away = observed.lines.filter(({ message }) => message === 'consul is away');
  expect(away.length).toBeGreaterThan(0);
  expect(away.length).toBeLessThanOrEqual(seconds + 1);
  expect(away[0]?.fields).toMatchObject({
    reason: expect.stringContaining('Consul cannot be reached') as string,
  });
  expect(observed.lines.map(({ message }) => message)).toContain('consul is back');
  expect(observed.counts.get('headwater_discovery_failures_total unreachable')).toBeGreaterThan(1);
});

it('a Consul that stands still, and then says that every check has failed, takes nobody down', async () => {
  const consul = await startConsul();
  const first = await startDiscovery(consul, { self: selfOf('n1') });
  const check = { TTL: '3s', Status: 'passing' };
  const second = { Name: 'headwater', ID: 'n2', Meta: metaOf('n2'), Check: check };
  await consul.call('PUT', '/agent/service/register', second);
  await waitUntil('both are known', () => idsOf(first) === 'n1,n2');
  const log = new DiscoveryLog(first);
  consul.kill('SIGSTOP');
  await waitUntil('the outage is noticed', () => first.isStale);
  consul.kill('SIGCONT');
  await waitUntil('consul says that the node is dead', async () => {
    const alive = await consul.call('GET', '/health/service/headwater?passing');
    return !JSON.stringify(alive).includes('"n2"');
  });
  await waitUntil('it is doubted', () => first.isStale);
  await consul.call('PUT', '/agent/check/pass/service:n2');
  await waitUntil('the discovery is current', () => !first.isStale);
  expect(new Set(log.heard)).toEqual(new Set(['went_stale', 'became_current']));
});

it('closing does not wait for a Consul that stands still', async () => {
  const consul = await startConsul();
  const discovery = await startDiscovery(consul, { self: selfOf('n1') });
  await waitUntil('the node sees itself', () => idsOf(discovery) === 'n1');
  consul.kill('SIGSTOP');
  await discovery.close();
  expect(idsOf(discovery)).toBe('n1');
  consul.kill('SIGCONT');
});

it('a token that Consul does not know, none, and one without the right: each a line that says so, without the token', async () => {
  const consul = await startConsul({ masterToken });
  const policy = {
    Name: 'reader',
    Rules: 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }',
  };
  await consul.call('PUT', '/acl/policy', policy);
  const reader = await makeToken(consul, 'reader');
  const cases = [
    { token: 'ffffffff-0000-0000-0000-ffffffffffff', says: 'Consul does not know the token' },
    { token: undefined, says: 'Missing service:write on headwater' },
    { token: reader, says: 'Missing service:write on headwater' },
  ];
  for (const { token, says } of cases) {
    const observed = observe();
    await startDiscovery(consul, {
      self: selfOf('n1'),
      ...observed.given,
      ...(token === undefined ? {} : { token }),
    });
    const line = observed.lines.find(({ message }) => message === 'consul refuses the token');
    expect(line).toMatchObject({
      level: 'error',
      fields: { reason: expect.stringContaining(says) as string },
    });
    expect(JSON.stringify(observed.lines)).not.toContain(token ?? masterToken);
    expect(observed.counts.get('headwater_discovery_failures_total denied')).toBeGreaterThan(0);
  }
});

it('a token with just the rights that are documented announces, follows and reads coordinates', async () => {
  const consul = await startConsul({ masterToken });
  const rules = 'service "headwater" { policy = "write" } node_prefix "" { policy = "read" }';
  await consul.call('PUT', '/acl/policy', { Name: 'node', Rules: rules });
  const observed = observe();
  const self = selfOf('n1');
  const discovery = await startDiscovery(consul, {
    self,
    token: await makeToken(consul, 'node'),
    ...observed.given,
  });
  await waitUntil('the node sees itself', () => idsOf(discovery) === 'n1');
  await discovery.close();
  expect(observed.lines).toEqual([]);
  expect(await servicesOf(consul)).toEqual([]);
});

it('a token that may write but not read: a line says which rights are missing', async () => {
  const consul = await startConsul({ masterToken });
  const rules = 'service "headwater" { policy = "write" }';
  await consul.call('PUT', '/acl/policy', { Name: 'writer', Rules: rules });
  const observed = observe();
  const token = await makeToken(consul, 'writer');
  await startDiscovery(consul, { self: selfOf('n1'), token, ...observed.given, limits: { waitMs: 1_000 } });
  const line = await waitUntil(
    'it is said',
    () => observed.lines.find(({ message }) => message === 'consul hides nodes from this token'),
    { timeoutMs: 20_000 },
  );
  expect(line.fields).toEqual({ needs: 'service:read on headwater and node:read' });
});

it('announcements that make no sense are ignored with a line, and others still taken', async () => {
  const consul = await startConsul();
  const discovery = await startDiscovery(consul, { self: selfOf('n1') });
  await waitUntil('the node sees itself', () => idsOf(discovery) === 'n1');
  const observed = observe();
  const watching = await startDiscovery(consul, observed.given);
  const good = metaOf('n2');
  const metas = [
    {},
    { ...good, draining: undefined },
    { ...good, draining: 'maybe' },
    { ...good, load_cpu: '-1' },
    { ...good, node_id: '' },
    { ...good, address_rtmp: 'nowhere' },
    { ...good, format: '2' },
  ];
  for (const [index, Meta] of metas.entries()) {
    await consul.call('PUT', '/agent/service/register', { Name: 'headwater', ID: `bad-${index}`, Meta });
  }
  const Meta = { ...good, roles: 'edge,juggler' };
  await consul.call('PUT', '/agent/service/register', { Name: 'headwater', ID: 'good', Meta });
  await waitUntil('the good one is known', () => idsOf(watching) === 'n1,n2');
  expect(watching.node('n2')?.roles).toEqual(['edge']);
  const lines = observed.lines.filter(({ message }) => message === 'announcements in consul ignored');
  expect(lines[0]).toMatchObject({ level: 'warn', fields: { first: { serviceId: 'bad-0' } } });
  expect(observed.counts.get('headwater_discovery_ignored_total')).toBeGreaterThanOrEqual(metas.length);
});

it('a node in maintenance counts as draining', async () => {
  const consul = await startConsul();
  const discovery = await startDiscovery(consul, { self: selfOf('n1') });
  await waitUntil('the node sees itself', () => idsOf(discovery) === 'n1');
  const id = encodeURIComponent('headwater-n1-n1 run 1');
  await consul.call('PUT', `/agent/service/maintenance/${id}?enable=true`);
  await waitUntil('it is draining', () => discovery.node('n1')?.isDraining);
  await consul.call('PUT', `/agent/service/maintenance/${id}?enable=false`);
  await waitUntil('it is back', () => discovery.node('n1')?.isDraining === false);
});

it('machines of one datacenter are as far apart as their coordinates say, and regions as their nodes', async () => {
  const consul = await startConsul();
  await startDiscovery(consul, { self: selfOf('n1') });
  const places = [
    { machine: 'machine-1', x: 0 },
    { machine: 'machine-2', x: 0.03 },
    { machine: 'machine-3', x: 0.08 },
  ];
  for (const [index, { machine, x }] of places.entries()) {
    if (index > 0) await registerElsewhere(consul, machine, `n${index + 1}`);
    const Vec = [x, 0, 0, 0, 0, 0, 0, 0];
    const Coord = { Vec, Error: 0.2, Adjustment: 0.0005, Height: 0.001 };
    await consul.call('PUT', '/coordinate/update', { Node: machine, Coord });
  }
  const discovery = await startDiscovery(consul, { limits: { coordinatesMs: 100 } });
  await waitUntil('coordinates are known', () => discovery.distanceMs('n1', 'n3'));
  expect(discovery.distanceMs('n1', 'n2')).toBeCloseTo(33, 6);
  expect(discovery.distanceMs('n2', 'n1')).toBeCloseTo(33, 6);
  expect(discovery.distanceMs('n1', 'n3')).toBeCloseTo(83, 6);
  expect(discovery.regionDistanceMs('north', 'south')).toBeCloseTo(58, 6);
  expect(discovery.distanceMs('n1', 'n4')).toBeUndefined();
});

it('nodes of joined datacenters know each other and how far apart they are, and keep each other when cut off', async () => {
  const north = await startConsul({ datacenter: 'north', machine: 'north-1' });
  const south = await startConsul({ datacenter: 'south', machine: 'south-1', joinWan: north });
  const limits = { coordinatesMs: 200, datacentersMs: 200 };
  const first = await startDiscovery(north, { self: selfOf('n1'), limits });
  const second = await startDiscovery(south, { self: selfOf('n2', { region: 'south' }), limits });
  const isKnown = () => idsOf(first) + idsOf(second) === 'n1,n2n1,n2';
  await waitUntil('both know both', isKnown, { timeoutMs: 30_000 });
  const distance = () => first.distanceMs('n1', 'n2');
  const ms = await waitUntil('their distance is known', distance, { timeoutMs: 40_000 });
  expect(ms).toBeGreaterThan(0);
  expect(ms).toBeLessThan(1_000);
  await waitUntil('the other knows it too', () => second.regionDistanceMs('north', 'south'));
  south.kill('SIGKILL');
  await waitUntil('the cut is noticed', () => first.isStale, { timeoutMs: 40_000 });
  expect(idsOf(first)).toBe('n1,n2');
});

async function makeToken(consul: RunningConsul, policy: string): Promise<string> {
  const token = await consul.call('PUT', '/acl/token', { Policies: [{ Name: policy }] });
  return (token as { SecretID: string }).SecretID;
}

/** The metadata of a node as somebody else might write it. */
function metaOf(nodeId: string) {
  return {
    ...{ format: '1', node_id: nodeId, incarnation: 'x', roles: 'edge', zone: 'b', region: 'south' },
    ...{ draining: 'false', load_cpu: '0', load_publishers: '0', load_viewers: '0', load_egress_bps: '0' },
  };
}

/** Puts a node on another machine of the catalogue, as its own Consul would. */
async function registerElsewhere(consul: RunningConsul, machine: string, nodeId: string): Promise<void> {
  const Service = { ID: nodeId, Service: 'headwater', Meta: metaOf(nodeId) };
  await consul.call('PUT', '/catalog/register', { Node: machine, Address: '10.0.0.9', Service });
}
