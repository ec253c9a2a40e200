// The part of a node that its workers need: a folder for sockets, the relay by which they pull, the RTMP socket at which
// their publishers come in, and the workers themselves.
import type { Server } from 'node:net';
import { join } from 'node:path';
import { AppError, parseStreamKey, silentMetrics, type StreamView } from '@headwater/contracts';
import type { Edge, Overload, PublishForwarder } from '@headwater/edge';
import type { Origin } from '@headwater/origin';
import { RelayServer } from '@headwater/relay';
import type { NodeContext } from '../node-context.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import type { RouteDesk } from '../routing/route-answers.ts';
import { RtmpListener } from '../rtmp-listener.ts';
import type { Service } from '../service.ts';
import { localKeepalive, localOpeningMs } from '../workers/local-times.ts';
import { makeSocketFolder, removeSocketFolder } from '../workers/socket-folder.ts';
import { workerConfigOf } from '../workers/worker-config.ts';
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
  /** Who answers for the router, where the node is one. */
  readonly routes: RouteDesk | undefined;
}

/** Runs the workers, and what they depend on. Their viewers are ended by `viewersService`, long before. */
export class WorkersService implements Service {
  readonly name = 'workers';
  readonly crew: WorkerCrew;
  readonly #relay: RelayServer;
  readonly #rtmp: RtmpListener;
  #folder: string | undefined;

  constructor(context: NodeContext, parts: WorkersParts) {
    const { clock, logger, metrics, config, node, print } = context;
    const { edge } = parts;
    this.#relay = new RelayServer({
      source: edge.agentFeed,
      probe: () => ({ ...node, isDraining: edge.isDraining }),
      clock,
      logger,
      // What edges of the cluster pull is another matter than what goes from one process of the node to the next.
      metrics: silentMetrics,
      limits: {
        openingMs: localOpeningMs(config),
        // All workers are one peer here. How many streams there may be is limited by the edge.
        maxPullsPerPeer: Infinity,
      },
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
      // A peer that waits for a worker waits with what it has to say.
      maxWaitMs: config.limits.handshakeMs,
      overload: parts.overload,
      setup: (worker) => {
        return {
          worker,
          config: workerConfigOf(config, { size: parts.size, isTerminal: process.stdout.isTTY }),
          node,
          isRouter: parts.routes !== undefined,
          relayAddress: `unix:${this.#path('relay')}`,
          rtmpPath: this.#path('rtmp'),
          folder: this.#path(''),
        };
      },
      answers: {
        hasLive: async (stream) => edge.hasLive(parseStreamKey(stream)),
        streams: parts.streams,
        route: async (request) => {
          if (parts.routes === undefined) throw new AppError('role_missing', { details: { role: 'router' } });
          return parts.routes.answer(request);
        },
      },
    });
  }

  async start(): Promise<void> {
    this.#folder = makeSocketFolder();
    try {
      await this.#relay.startLocal(this.#path('relay'));
      await listenAt(this.#rtmp.server, this.#path('rtmp'));
      await this.crew.start();
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.crew.stop(deadlineMs);
    this.#rtmp.cutConnections();
    this.#rtmp.server.close();
    await this.#relay.stop(0);
    if (this.#folder !== undefined) removeSocketFolder(this.#folder);
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
