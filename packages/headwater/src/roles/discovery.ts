// Which nodes there are, from where the configuration says. What asks before the node's own addresses are known finds
// nobody; what asks later is answered from memory, whether the source answers or not.
import { readFileSync } from 'node:fs';
import {
  ConsulDiscovery,
  RegistryDiscovery,
  type AnnouncedNode,
  type ConsulTls,
  type NodeDiscovery,
  type NodeRecord,
  type StreamRegistry,
} from '@headwater/cluster';
import { ConfigError, toAppError, type ConsulConfig } from '@headwater/contracts';
import type { NodeContext } from '../node-context.ts';

/** The nodes of the cluster as this one knows them, itself included. Opened and closed once. */
export class ClusterNodes {
  readonly #context: NodeContext;
  readonly #registry: StreamRegistry;
  readonly #consulTls: ConsulTls;
  #discovery: NodeDiscovery | undefined;
  #consul: ConsulDiscovery | undefined;
  /** Answers until Consul has listed somebody for the first time. */
  #standIn: NodeDiscovery | undefined;
  #closing: Promise<void> | undefined;

  /** Throws `ConfigError` when a file that the configuration names cannot be read. */
  constructor(context: NodeContext, registry: StreamRegistry) {
    this.#context = context;
    this.#registry = registry;
    const { consul } = context.config.discovery;
    this.#consulTls = consul === undefined ? {} : readConsulTls(consul.tls);
  }

  /** True while what is known may be out of date. */
  get isStale(): boolean {
    return this.#discovery?.isStale ?? true;
  }

  /** The last known nodes by id. */
  nodes(): readonly NodeRecord[] {
    return (this.#standIn ?? this.#discovery)?.nodes() ?? [];
  }

  /** Estimated round trip from this node in ms; undefined when it is not known. */
  distanceMs(toNodeId: string): number | undefined {
    return this.#discovery?.distanceMs(this.#context.node.nodeId, toNodeId);
  }

  /** The same between two other nodes. */
  roundTripMs(fromNodeId: string, toNodeId: string): number | undefined {
    return this.#discovery?.distanceMs(fromNodeId, toNodeId);
  }

  /** Begins to follow, and to announce this node where its heart does not. Resolves after the first try. */
  async open(self: AnnouncedNode): Promise<void> {
    if (this.#closing !== undefined) return;
    const { consul } = this.#context.config.discovery;
    this.#discovery ??= consul === undefined ? this.#byRegistry() : this.#byConsul(consul, self);
    await this.#discovery.start();
    if (consul !== undefined && this.nodes().length === 0) await this.#standInForConsul(this.#discovery);
  }

  /** Tells the others at once what has changed about this node. */
  async announce(): Promise<void> {
    await this.#consul?.beat();
  }

  /** Others find this node no more; what was known can still be read. Never rejects; twice waits for the same end. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    const closed = await Promise.allSettled([this.#discovery?.close(), this.#standIn?.close()]);
    for (const { reason } of closed.filter((each) => each.status === 'rejected')) {
      this.#context.logger.warn({ err: toAppError(reason) }, 'discovery did not close as it should');
    }
  }

  // There is no last known membership to keep yet.
  async #standInForConsul(consul: NodeDiscovery): Promise<void> {
    if (this.#closing !== undefined) return;
    const standIn = this.#byRegistry();
    const listed = consul.watch(({ type }) => {
      if (type !== 'node_joined') return;
      listed.close();
      this.#standIn = undefined;
      void standIn.close();
    });
    this.#standIn = standIn;
    this.#context.logger.warn({}, 'consul lists no nodes yet: those in the registry are used meanwhile');
    await standIn.start();
  }

  #byRegistry(): NodeDiscovery {
    const { clock, logger, metrics, node, config } = this.#context;
    const { leaseMs, heartbeatMs } = config.registry;
    const isStandIn = config.discovery.consul !== undefined;
    return new RegistryDiscovery({
      registry: this.#registry,
      clock,
      logger,
      ...(isStandIn ? {} : { metrics }),
      selfId: node.nodeId,
      // After the registry was away all nodes are due to beat again within the lease, and once more for good measure.
      limits: { graceMs: 2 * leaseMs + heartbeatMs },
    });
  }

  #byConsul({ url, token, service, datacenters }: ConsulConfig, self: AnnouncedNode): NodeDiscovery {
    const { clock, logger, metrics } = this.#context;
    this.#consul = new ConsulDiscovery({
      url,
      tls: this.#consulTls,
      clock,
      logger,
      metrics,
      self,
      serviceName: service,
      ...(token === undefined ? {} : { token }),
      ...(datacenters === undefined ? {} : { datacenters }),
    });
    return this.#consul;
  }
}

function readConsulTls(tls: ConsulConfig['tls']): ConsulTls {
  const { serverName } = tls;
  const read = (name: 'caFile' | 'certFile' | 'keyFile'): string | undefined =>
    tls[name] === undefined ? undefined : readPem(`discovery.consul.tls.${name}`, tls[name]);
  const [ca, cert, key] = [read('caFile'), read('certFile'), read('keyFile')];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

function readPem(key: string, path: string): string {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Told below, like a file of another kind.
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new ConfigError([{ key, value: JSON.stringify(path), expected: 'a PEM file that can be read' }]);
}
