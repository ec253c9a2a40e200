// What a worker serves: the node's two ports, by the same code as a node of one process, with an edge whose only upstream is
// the node itself.
import { rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { cpuUsage } from 'node:process';
import { silentMetrics, type Clock, type Logger } from '@headwater/contracts';
import type { Edge } from '@headwater/edge';
import { RelayClient } from '@headwater/relay';
import { accessPolicyOf } from '../access/access-policy-of.ts';
import type { HttpListener } from '../http-listener.ts';
import { loopBusyMs } from '../loop-busy.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import type { ProxyGreeting } from '../proxy-protocol/proxy-greeting.ts';
import { OverloadWatch } from '../roles/overload-watch.ts';
import { audienceOf, viewerView } from '../roles/viewer-views.ts';
import type { RtmpListener } from '../rtmp-listener.ts';
import { SystemClock } from '../system-clock.ts';
import { HandedSockets } from './handed-sockets.ts';
import { localKeepalive, localOpeningMs } from './local-times.ts';
import { viewerMetrics } from './viewer-metrics.ts';
import { makeWorkerEdge } from './worker-edge.ts';
import { WorkerLink } from './worker-link.ts';
import { makeWorkerGreetings, makeWorkerHttp, makeWorkerRtmp } from './worker-ports.ts';
import type { WorkerPort, WorkerQuestions, WorkerSetup } from './worker-messages.ts';

const figuresMs = 500;

/** One worker, from its setup to its end. */
export class WorkerNode {
  readonly #setup: WorkerSetup;
  readonly #clock: Clock = new SystemClock();
  readonly #metrics = new PrometheusMetrics();
  readonly #link: WorkerLink<WorkerQuestions>;
  readonly #relay: RelayClient;
  readonly #overload: OverloadWatch;
  readonly #edge: Edge;
  readonly #rtmp: RtmpListener;
  readonly #http: HttpListener;
  readonly #greetings: Readonly<Record<WorkerPort, ProxyGreeting>>;
  readonly #sockets = new HandedSockets(this.#clock);
  readonly #ended: () => void;

  /** `ended` is called after a stop, when nothing is served any more. */
  constructor(setup: WorkerSetup, logger: Logger, ended: () => void) {
    this.#setup = setup;
    this.#ended = ended;
    this.#metrics.measureProcess();
    this.#metrics.measureEventLoop(this.#clock);
    this.#link = this.#makeLink();
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
      limits: { ...config.limits, egressBitsPerSecond: 0 },
      bytesWritten: () => 0,
      loopBusyMs,
    });
    const tools = {
      setup,
      clock: this.#clock,
      logger,
      metrics: viewerMetrics(this.#metrics),
      access: accessPolicyOf(config.access),
      link: this.#link,
    };
    const overload = (): OverloadWatch['overload'] => this.#overload.overload;
    this.#edge = makeWorkerEdge(tools, { relay: this.#relay, overload });
    this.#rtmp = makeWorkerRtmp(tools, this.#edge);
    this.#http = makeWorkerHttp(tools, this.#edge);
    this.#greetings = makeWorkerGreetings(tools);
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
        overload: this.#overload.overload,
      });
    });
    this.#link.send({ type: 'ready' });
  }

  #makeLink(): WorkerLink<WorkerQuestions> {
    return new WorkerLink<WorkerQuestions>(this.#clock, {
      answers: {
        sessions: () => Array.from(this.#edge.viewers.values(), viewerView),
        audience: () => audienceOf(this.#edge),
        metrics: async () => this.#metrics.values(),
        kick: (sessionId) => this.#edge.kick(sessionId),
      },
      serve: (port, socket, name) => {
        this.#serve(port, socket, name);
      },
      drain: () => {
        this.#edge.drain();
      },
      endViewers: () => {
        this.#endViewers();
      },
      stop: (deadlineMs) => {
        this.#stop(deadlineMs);
      },
    });
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

  #serve(port: WorkerPort, socket: Socket, name?: (clientAddress: string) => Promise<boolean>): void {
    // As a listening HTTP server makes its sockets. What the kernel keeps of a socket (no delay, keep-alive) came with it.
    if (port === 'http') socket.allowHalfOpen = true;
    const { server } = port === 'http' ? this.#http : this.#rtmp;
    this.#sockets.serve(socket, { server, greeting: this.#greetings[port], name });
  }

  #endViewers(): void {
    this.#overload.close();
    this.#edge.close();
    this.#relay.close();
  }

  #stop(deadlineMs: number): void {
    if (this.#sockets.isEnding) return;
    this.#endViewers();
    for (const greeting of Object.values(this.#greetings)) greeting.close();
    this.#rtmp.closeConnections();
    this.#http.server.close();
    this.#http.server.closeIdleConnections();
    void this.#sockets.end(deadlineMs).then(this.#ended);
  }
}
