import type { Config } from '@headwater/contracts';
import type { Edge } from '@headwater/edge';
import type { Origin } from '@headwater/origin';
import { RelayServer, type RelayClient, type RelayKeepalive } from '@headwater/relay';
import { hostPort } from '../listen.ts';
import type { NodeContext } from '../node-context.ts';
import type { Service } from '../service.ts';
import { reachableAddresses } from './reachable-addresses.ts';
import { RelaySources } from './relay-sources.ts';

/** Whose streams are served. */
export interface RelayParts {
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
  /** Who pulls for the edge. */
  readonly client: RelayClient;
}

/** Serves an origin's streams to edges, and an edge's to its peers; the origin's life is this service's. */
export class RelayService implements Service {
  readonly name = 'relay';
  readonly #context: NodeContext;
  readonly #origin: Origin | undefined;
  readonly #server: RelayServer;
  readonly #client: RelayClient;

  constructor(context: NodeContext, { origin, edge, client }: RelayParts) {
    const { clock, logger, metrics, node, config } = context;
    this.#context = context;
    this.#origin = origin;
    this.#client = client;
    this.#server = new RelayServer({
      source: new RelaySources({ origin: origin?.feed, edge }),
      probe: () => ({ ...node, isDraining: (origin ?? edge)?.isDraining ?? false }),
      clock,
      logger,
      metrics,
      limits: { openingMs: config.relay.openingTimeoutMs },
      keepalive: keepaliveOf(config),
    });
  }

  async start(): Promise<void> {
    const { config, addresses } = this.#context;
    const { address } = await this.#server.start(config.relay.host ?? '::', config.relay.port);
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    addresses.set('relay', hostPort(config.relay.host, port));
    this.#client.serveLocally(reachableAddresses(config, addresses.all()).relay ?? '', this.#server);
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#origin?.close();
    await this.#server.stop(deadlineMs);
  }
}

/** How relay connections are kept alive. */
export function keepaliveOf({ relay }: Config): RelayKeepalive {
  return { timeMs: relay.keepaliveMs, timeoutMs: relay.keepaliveTimeoutMs };
}
