import { silentLogger, silentMetrics, type Clock } from '@headwater/contracts';
import { RelayClient, type RelayClientLimits } from '../relay-client.ts';
import { RelayServer, type RelayServerLimits } from '../relay-server.ts';
import { realClock } from './real-clock.ts';
import { ScriptedSource } from './scripted-source.ts';

/** What a pair may be given; all of it has a default. */
export interface RelayPairOptions {
  readonly serverClock?: Clock;
  readonly clientClock?: Clock;
  readonly serverLimits?: Partial<RelayServerLimits>;
  /** Both in one process, without a connection. */
  readonly isLocal?: boolean;
  readonly clientLimits?: Partial<RelayClientLimits>;
}

/** A relay server with a scripted source and a client, over a real loopback socket unless told. */
export class RelayPair {
  readonly source: ScriptedSource = new ScriptedSource();
  readonly server: RelayServer;
  readonly client: RelayClient;
  #address = '';

  private constructor(options: RelayPairOptions) {
    const common = { logger: silentLogger, metrics: silentMetrics };
    this.server = new RelayServer({
      ...common,
      source: this.source,
      clock: options.serverClock ?? realClock,
      probe: () => ({ nodeId: 'origin-1', incarnation: 'run-1', isDraining: false }),
      limits: options.serverLimits ?? {},
    });
    this.client = new RelayClient({
      ...common,
      clock: options.clientClock ?? realClock,
      nodeId: 'edge-1',
      limits: options.clientLimits ?? {},
    });
  }

  static async start(options: RelayPairOptions = {}): Promise<RelayPair> {
    const pair = new RelayPair(options);
    ({ address: pair.#address } = await pair.server.start('127.0.0.1', 0));
    if (options.isLocal === true) pair.client.serveLocally(pair.#address, pair.server);
    return pair;
  }

  /** Where the server listens, `host:port`. */
  get address(): string {
    return this.#address;
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.server.stop(1_000);
  }
}
