// The part of a node that its workers need: a folder for sockets, the relay by which they pull, the RTMP socket at which
// their publishers come in, and the workers themselves.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseStreamKey, silentMetrics, type StreamView } from '@headwater/contracts';
import type { Edge, Overload, PublishForwarder } from '@headwater/edge';
import type { Origin } from '@headwater/origin';
import { RelayServer } from '@headwater/relay';
import { openGate } from '../connection-gate.ts';
import type { NodeContext } from '../node-context.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { RtmpListener } from '../rtmp-listener.ts';
import type { Service } from '../service.ts';
import { localKeepalive, localOpeningMs } from '../workers/local-times.ts';
import { WorkerCrew } from '../workers/worker-crew.ts';
import { rtmpSessionOf } from './viewer-settings.ts';

/** What workers work for. */
export interface WorkersParts {
  readonly size: number;
  readonly edge: Edge;
  readonly origin: Origin | undefined;
  readonly forwarder: PublishForwarder | undefined;
  readonly overload: () => Overload | undefined;
  /** The streams of the node, for its page. */
  readonly streams: () => Promise<readonly StreamView[]>;
}

/** Runs the workers. They are stopped by `viewersService`, before anything that they depend on. */
export class WorkersService implements Service {
  readonly name = 'workers';
  readonly crew: WorkerCrew;
  readonly #context: NodeContext;
  readonly #relay: RelayServer;
  readonly #rtmp: RtmpListener;
  #folder: string | undefined;

  constructor(context: NodeContext, parts: WorkersParts) {
    const { clock, logger, metrics, config, node, print } = context;
    const { edge } = parts;
    this.#context = context;
    this.#relay = new RelayServer({
      source: edge.agentFeed,
      probe: () => ({ ...node, isDraining: edge.isDraining }),
      clock,
      logger,
      // What edges of the cluster pull is another matter than what goes from one process of the node to the next.
      metrics: silentMetrics,
      limits: { openingMs: localOpeningMs(config) },
      keepalive: localKeepalive,
    });
    this.#rtmp = internalRtmp(context, parts);
    this.crew = new WorkerCrew({
      clock,
      logger,
      metrics,
      print,
      size: parts.size,
      maxViewers: config.limits.viewers,
      overload: parts.overload,
      setup: (worker) => {
        const folder = this.#path('');
        const relayAddress = `unix:${this.#path('relay')}`;
        // Where the log is written is a terminal only for this process.
        const format = config.log.format === 'auto' && process.stdout.isTTY ? 'pretty' : config.log.format;
        const log = { ...config.log, format };
        return {
          worker,
          config: { ...config, log },
          node,
          relayAddress,
          rtmpPath: this.#path('rtmp'),
          folder,
        };
      },
      answers: {
        hasLive: async (stream) => edge.hasLive(parseStreamKey(stream)),
        streams: parts.streams,
      },
    });
  }

  async start(): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), 'headwater-'));
    chmodSync(this.#folder, 0o700);
    try {
      await this.#relay.startLocal(this.#path('relay'));
      await listenAt(this.#rtmp.server, this.#path('rtmp'));
      await this.crew.start();
    } catch (error) {
      await this.stop(0);
      throw error;
    }
    this.#context.logger.info({ workers: this.crew.size }, 'workers serve viewers');
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.crew.stop(deadlineMs);
    this.#rtmp.cutConnections();
    this.#rtmp.server.close();
    await this.#relay.stop(0);
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#folder ?? '', name);
  }
}

function internalRtmp(context: NodeContext, { origin, forwarder }: WorkersParts): RtmpListener {
  const { clock, logger, config } = context;
  const trouble = new RateLimitedLog(logger, clock);
  return new RtmpListener({
    clock,
    logger,
    // Its connections are counted by the workers.
    metrics: silentMetrics,
    gate: openGate,
    apps: config.apps,
    origin,
    edge: undefined,
    forwarder,
    session: rtmpSessionOf(config),
    isInternal: true,
    failed: (err, worker) => {
      trouble.report(err.entry.level, { err, worker }, 'publish of a worker failed');
    },
  });
}

async function listenAt(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
