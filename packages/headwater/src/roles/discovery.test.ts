import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { compileConfig, ConfigError, type LogFields, silentLogger } from '@headwater/contracts';
import { MemoryStreamRegistry } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { NodeContext } from '../node-context.ts';
import { testContext } from '../testing/node-fixture.ts';
import { ClusterNodes } from './discovery.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function contextWith(consul: object, over: Partial<NodeContext> = {}): NodeContext {
  const registry = { kind: 'redis', redis: { url: 'redis://127.0.0.1:1' } };
  const config = compileConfig({ registry, discovery: { kind: 'consul', consul } }, { defaultNodeId: 'n1' });
  return testContext({ config, node: { nodeId: 'n1', incarnation: 'run 1' }, ...over });
}

function nodesOf(context: NodeContext): { nodes: ClusterNodes; registry: MemoryStreamRegistry } {
  const registry = new MemoryStreamRegistry({ clock: context.clock, leaseMs: 60_000 });
  const nodes = new ClusterNodes(context, registry);
  closing.push(async () => nodes.close());
  return { nodes, registry };
}

const self = (() => {
  const { load, isDraining, ...node } = testNode('n1', { incarnation: 'run 1' });
  return { node, load: () => load, isDraining: () => isDraining };
})();

const idsOf = (nodes: ClusterNodes): string[] => nodes.nodes().map(({ nodeId }) => nodeId);

/** As much of a Consul as lists services; it refuses everything until `isUp`. */
class SmallConsul {
  isUp = false;
  readonly asked: string[] = [];
  readonly server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    this.asked.push(path);
    if (!this.isUp) response.statusCode = 503;
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-consul-index', '1');
    if (path.includes('/catalog/datacenters')) response.end('["dc1"]');
    else if (path.includes('/health/service')) response.end(JSON.stringify([entryOf('n9')]));
    else response.end('[]');
  });
}

function entryOf(nodeId: string): object {
  const load = { load_cpu: '0', load_publishers: '0', load_viewers: '0', load_egress_bps: '0' };
  const meta = {
    format: '1',
    node_id: nodeId,
    incarnation: 'run 1',
    roles: 'origin',
    zone: 'a',
    region: 'b',
  };
  return {
    Node: { Node: 'machine', Datacenter: 'dc1' },
    Service: { ID: nodeId, CreateIndex: 1, Meta: { ...meta, draining: 'false', ...load } },
    Checks: [],
  };
}

describe('the nodes of a cluster', () => {
  it('are those of the registry by default, and nobody before the node has opened', async () => {
    const { nodes, registry } = nodesOf(testContext({ node: { nodeId: 'n1', incarnation: 'run 1' } }));
    await registry.join(testNode('n2'));
    expect([idsOf(nodes), nodes.isStale, nodes.distanceMs('n2')]).toEqual([[], true, undefined]);
    await nodes.open(self);
    expect([idsOf(nodes), nodes.isStale]).toEqual([['n2'], false]);
  });

  it('are those of the registry until Consul lists some for the first time, which is said', async () => {
    const consul = new SmallConsul();
    consul.server.listen(0, '127.0.0.1');
    await once(consul.server, 'listening');
    closing.push(() => {
      consul.server.closeAllConnections();
      consul.server.close();
    });
    const url = `http://127.0.0.1:${String((consul.server.address() as AddressInfo).port)}`;
    const said: string[] = [];
    const warn = (_fields: LogFields, message: string): void => void said.push(message);
    const { nodes, registry } = nodesOf(contextWith({ url }, { logger: { ...silentLogger, warn } }));
    await registry.join(testNode('n2'));
    await nodes.open(self);
    expect([idsOf(nodes), nodes.isStale]).toEqual([['n2'], true]);
    expect(said).toEqual([
      'consul is away',
      'consul lists no nodes yet: those in the registry are used meanwhile',
    ]);
    consul.isUp = true;
    await vi.waitFor(() => {
      expect(idsOf(nodes)).toEqual(['n9']);
    }, 10_000);
  });

  it('are closed once, whoever asks: all wait until Consul has been told, and nobody is followed afterwards', async () => {
    const consul = new SmallConsul();
    consul.isUp = true;
    consul.server.listen(0, '127.0.0.1');
    await once(consul.server, 'listening');
    closing.push(() => {
      consul.server.closeAllConnections();
      consul.server.close();
    });
    const url = `http://127.0.0.1:${String((consul.server.address() as AddressInfo).port)}`;
    const { nodes } = nodesOf(contextWith({ url }));
    await nodes.open(self);
    const goodbyes = (): string[] => consul.asked.filter((path) => path.includes('/service/deregister/'));
    void nodes.close();
    await nodes.close();
    expect(goodbyes()).toHaveLength(1);
    const asked = consul.asked.length;
    await nodes.open(self);
    expect([consul.asked.length, goodbyes().length, idsOf(nodes)]).toEqual([asked, 1, ['n9']]);
  });

  it('are not looked for with a certificate that cannot be read', () => {
    const consul = { url: 'https://127.0.0.1:1', tls: { caFile: '/nowhere/ca.pem' } };
    const context = contextWith(consul);
    expect(() => nodesOf(context)).toThrow(ConfigError);
    expect(() => nodesOf(context)).toThrow('discovery.consul.tls.caFile is "/nowhere/ca.pem"');
  });
});
