import type { Config, ListenConfig } from '@headwater/contracts';
import type { Origin } from '@headwater/origin';
import { RelayServer, type RelayKeepalive } from '@headwater/relay';
import { hostPort } from '../listen.ts';
import type { NodeContext } from '../node-context.ts';
import type { Service } from '../service.ts';

/** Serves an origin's streams to edges; the origin's life is this service's. */
export class RelayService implements Service {
  readonly name = 'relay';
  readonly #context: NodeContext;
  readonly #origin: Origin;
  readonly #server: RelayServer;

  constructor(context: NodeContext, origin: Origin) {
    const { clock, logger, metrics, node, config } = context;
    this.#context = context;
    this.#origin = origin;
    this.#server = new RelayServer({
      source: origin.feed,
      probe: () => ({ ...node, isDraining: false }),
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
    addresses.set('relay', advertisedAddress(config.relay, address));
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#origin.close();
    await this.#server.stop(deadlineMs);
  }
}

/** How relay connections are kept alive. */
export function keepaliveOf({ relay }: Config): RelayKeepalive {
  return { timeMs: relay.keepaliveMs, timeoutMs: relay.keepaliveTimeoutMs };
}

/** Where edges reach the relay: as configured, with the bound port where none is given; else the bound address. */
export function advertisedAddress(
  relay: ListenConfig & { readonly advertise: string | undefined },
  bound: string,
): string {
  const port = Number(bound.slice(bound.lastIndexOf(':') + 1));
  const { advertise } = relay;
  if (advertise === undefined) return hostPort(relay.host, port);
  return /:\d+$/.test(advertise) ? advertise : `${advertise}:${String(port)}`;
}
