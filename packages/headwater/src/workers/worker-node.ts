// What a worker serves: the node's two ports, by the same code as a node of one process, with an edge whose only upstream is
// the node itself.
import { cpuUsage } from 'node:process';
import { rmSync } from 'node:fs';
import { connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  silentMetrics,
  type AppError,
  type Clock,
  type Logger,
  type Metrics,
  type StreamKey,
} from '@headwater/contracts';
import type { NodeRecord } from '@headwater/cluster';
import { CrossOriginRule, Edge, PublishForwarder, type Seat } from '@headwater/edge';
import { RelayClient } from '@headwater/relay';
import { accessPolicyOf } from '../access/access-policy-of.ts';
import { openGate } from '../connection-gate.ts';
import { HttpListener } from '../http-listener.ts';
import { viewerPages } from '../pages/viewer-pages.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { OverloadWatch } from '../roles/overload-watch.ts';
import { edgeSettingsOf, rtmpSessionOf } from '../roles/viewer-settings.ts';
import { audienceOf, viewerView } from '../roles/viewer-views.ts';
import { RtmpListener } from '../rtmp-listener.ts';
import { SystemClock } from '../system-clock.ts';
import { localForwarding, localKeepalive, localOpeningMs } from './local-times.ts';
import { viewerMetrics } from './viewer-metrics.ts';
import { WorkerLink } from './worker-link.ts';
import type { WorkerPort, WorkerSetup } from './worker-messages.ts';

const figuresMs = 500;
// The node notices a silent stream itself, and says so. A node that stands still has nobody to be replaced by.
const stallMs = 10_000;
// What may wait for the node before a publisher is given up.
const forwardBacklogBytes = 16 * 1024 * 1024;

/** One worker, from its setup to its end. */
export class WorkerNode {
  readonly #setup: WorkerSetup;
  readonly #clock: Clock = new SystemClock();
  readonly #logger: Logger;
  readonly #metrics = new PrometheusMetrics();
  readonly #counted: Metrics = viewerMetrics(this.#metrics);
  readonly #link: WorkerLink;
  readonly #relay: RelayClient;
  readonly #overload: OverloadWatch;
  readonly #edge: Edge;
  readonly #rtmp: RtmpListener;
  readonly #http: HttpListener;
  readonly #sockets = new Set<Socket>();
  readonly #ended: () => void;
  #isStopping = false;

  /** `ended` is called once, after a stop, when nothing is served any more. */
  constructor(setup: WorkerSetup, logger: Logger, ended: () => void) {
    this.#setup = setup;
    this.#logger = logger;
    this.#ended = ended;
    this.#metrics.measureProcess();
    this.#metrics.measureEventLoop(this.#clock);
    this.#link = new WorkerLink({
      answers: {
        sessions: () => Array.from(this.#edge.viewers.values(), viewerView),
        audience: () => audienceOf(this.#edge),
        metrics: async () => this.#metrics.values(),
        kick: (sessionId) => this.#edge.kick(sessionId),
      },
      serve: (port, socket) => {
        this.#serve(port, socket);
      },
      drain: () => {
        this.#edge.drain();
      },
      stop: (deadlineMs) => {
        this.#stop(deadlineMs);
      },
    });
    const { config, node, worker } = setup;
    this.#relay = new RelayClient({
      clock: this.#clock,
      // Within the node nothing is relayed that would be of interest to others.
      metrics: silentMetrics,
      nodeId: `${node.nodeId}/${worker}`,
      limits: { openingMs: localOpeningMs(config) },
      keepalive: localKeepalive,
    });
    // What is sent is limited by the node, for all workers together.
    this.#overload = new OverloadWatch({
      clock: this.#clock,
      limits: { egressBitsPerSecond: 0, loopLagMs: config.limits.loopLagMs },
      bytesWritten: () => 0,
    });
    this.#edge = this.#makeEdge();
    this.#rtmp = this.#makeRtmp();
    this.#http = this.#makeHttp();
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    await this.#listenNowhere(this.#http.server);
    this.#clock.every(figuresMs, () => {
      const { user, system } = cpuUsage();
      this.#link.send({
        type: 'figures',
        bytesWritten: this.#edge.bytesWritten,
        cpuMicros: user + system,
      });
    });
    this.#link.send({ type: 'ready' });
  }

  // Connections come over the channel, but Node keeps the deadlines of HTTP requests only for servers that listen. This one
  // does so where nobody can find it: its name is gone before it is told to anyone.
  async #listenNowhere(server: Server): Promise<void> {
    const { folder, worker } = this.#setup;
    const path = join(folder, `http-${worker}-${process.pid}`);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    rmSync(path, { force: true });
  }

  #serve(port: WorkerPort, socket: Socket): void {
    if (this.#isStopping) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#isStopping && this.#sockets.size === 0) this.#ended();
    });
    // As a listening server of Node makes its sockets.
    if (port === 'http') socket.allowHalfOpen = true;
    const { server } = port === 'http' ? this.#http : this.#rtmp;
    server.emit('connection', socket);
  }

  #stop(deadlineMs: number): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#overload.close();
    this.#edge.close();
    this.#relay.close();
    this.#rtmp.closeConnections();
    this.#http.server.close();
    this.#http.server.closeIdleConnections();
    if (this.#sockets.size === 0) this.#ended();
    this.#clock.after(deadlineMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  async #takeSeat(): Promise<Seat> {
    const seat = await this.#link.ask('seat', undefined);
    let isLeft = false;
    return {
      release: () => {
        if (!isLeft) this.#link.send({ type: 'seat-left', seat });
        isLeft = true;
      },
    };
  }

  #makeEdge(): Edge {
    const { config, node, relayAddress } = this.#setup;
    const { zone, region } = config.node;
    return new Edge({
      ...edgeSettingsOf(config),
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#counted,
      // Everything about streams is the node's to know.
      registry: {
        stream: async () => Promise.resolve(undefined),
        watch: () => ({ close: () => undefined }),
      },
      relay: this.#relay,
      access: accessPolicyOf(config.access),
      node: { nodeId: node.nodeId, zone, region },
      nodes: () => [],
      hasPeers: false,
      reportLoss: () => undefined,
      overload: () => this.#overload.overload,
      random: Math.random,
      stallMs,
      agent: {
        node,
        address: relayAddress,
        hasLive: async (stream: StreamKey) => this.#link.ask('hasLive', stream),
      },
      seats: { take: async () => this.#takeSeat() },
    });
  }

  #makeRtmp(): RtmpListener {
    const { config } = this.#setup;
    const trouble = new RateLimitedLog(this.#logger, this.#clock);
    return new RtmpListener({
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#counted,
      gate: openGate,
      apps: config.apps,
      origin: undefined,
      edge: this.#edge,
      forwarder: this.#makeForwarder(),
      session: rtmpSessionOf(config),
      failed: (err: AppError, remoteAddress) => {
        trouble.report(err.entry.level, { err, remoteAddress }, 'rtmp connection failed');
      },
    });
  }

  // Publishers are the node's, or an origin's that it knows.
  #makeForwarder(): PublishForwarder {
    const { config, node, rtmpPath } = this.#setup;
    const { zone, region } = config.node;
    const self: NodeRecord = {
      ...node,
      roles: ['origin'],
      zone,
      region,
      addresses: { rtmp: `${node.nodeId}:1935` },
      isDraining: false,
      load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
    };
    return new PublishForwarder({
      discovery: { nodes: () => [self] },
      clock: this.#clock,
      logger: this.#logger,
      metrics: silentMetrics,
      startMs: localForwarding(config),
      maxPendingBytes: forwardBacklogBytes,
      dial: () => connect({ path: rtmpPath }),
    });
  }

  #makeHttp(): HttpListener {
    const { config } = this.#setup;
    const crossOrigin = new CrossOriginRule(config.http.corsOrigins);
    const pages = viewerPages({
      access: accessPolicyOf(config.access),
      logger: this.#logger,
      streams: async () => this.#link.ask('streams', undefined).catch(() => []),
      crossOriginHeaders: (origin) => crossOrigin.headers(origin),
    });
    return new HttpListener({
      metrics: this.#counted,
      gate: openGate,
      apps: config.apps,
      edge: this.#edge,
      crossOrigin,
      fallbacks: config.http.hasPage ? [pages] : [],
      headTimeoutMs: config.limits.handshakeMs,
    });
  }
}
