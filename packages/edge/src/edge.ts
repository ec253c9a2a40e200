// The edge role: admits viewers, keeps one pull for each stream they watch, ends what nobody watches.
import {
  AppError,
  streamKey,
  toAppError,
  type AccessPolicy,
  type Clock,
  type CloseReason,
  type Logger,
  type Metrics,
  type StreamKey,
  type Timer,
} from '@headwater/contracts';
import type {
  NodeRecord,
  NodeRef,
  RegistryEvent,
  StreamRegistry,
  UpstreamLoss,
  Watch,
} from '@headwater/cluster';
import type { BacklogLimits, FlushPlan, FrameRingLimits, LatencyClass } from '@headwater/media';
import type { RelayClient, RelaySource } from '@headwater/relay';
import { Admission } from './admission.ts';
import { AgentFeed } from './agent-feed.ts';
import { EdgeFigures } from './edge-figures.ts';
import { EdgeStream, type EdgeStreamSettings } from './edge-stream.ts';
import { PeerFeed } from './peer-feed.ts';
import { recordOf, type PullAgent } from './pull-agent.ts';
import { StreamLookup } from './stream-lookup.ts';
import { TimelineTally } from './timeline-tally.ts';
import { upstreamCandidates } from './upstream-candidates.ts';
import type { EdgeNode } from './upstream-target.ts';
import { Viewer, type ViewerContext } from './viewer.ts';
import type { ShieldMode } from './upstream-target.ts';
import { takeSeat, type Seat, type ViewerSeats } from './viewer-seats.ts';

/** What an edge is made of. */
export interface EdgeOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly registry: Pick<StreamRegistry, 'stream' | 'watch'>;
  readonly relay: Pick<RelayClient, 'pull'>;
  readonly access: AccessPolicy;
  /** Who this edge is; peers near it are asked first. */
  readonly node: EdgeNode;
  /** The nodes of the cluster, as far as they are known now: peers are chosen among them. */
  readonly nodes: () => readonly NodeRecord[];
  /** Whether other edges may pull from this one. */
  readonly hasPeers: boolean;
  readonly ring: FrameRingLimits;
  readonly flushPlan: FlushPlan;
  readonly backlog: BacklogLimits;
  readonly defaultLatency: LatencyClass;
  readonly holdMs: number;
  readonly lingerMs: number;
  readonly waitForStreamMs: number;
  /** Viewers at most, those still waiting for their stream included. */
  readonly maxViewers: number;
  /** Streams at most, those still waited for included. */
  readonly maxStreams: number;
  /** Why the node can serve no more viewers than it does; undefined while it can. Asked for each newcomer. */
  readonly overload: () => Overload | undefined;
  /** Told of owners that do not deliver. */
  readonly reportLoss: (owner: NodeRef, loss: UpstreamLoss) => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Who pulls all streams on this edge's behalf; without, it pulls from their owners itself. */
  readonly agent?: PullAgent;
  /** Whether this edge is the agent of others: `agentFeed` answers them. */
  readonly isAgent?: boolean;
  /** For which streams the edges of a region pull through one of them; `off` unless told. */
  readonly shield?: ShieldMode;
  /** Where viewers are counted together with those of other processes; without, this edge counts its own. */
  readonly seats?: ViewerSeats;
  /** See `UpstreamOptions`. */
  readonly stallMs?: number;
}

/** A limit that the node has reached: what it is at, and the most it may be at. */
export interface Overload {
  readonly limit: string;
  readonly is: number;
  readonly max: number;
}

/** What a viewer asks for. `params` are the merged query parameters. */
export interface ViewRequest {
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
  readonly context: ViewerContext;
  /** Aborted when the viewer goes away before it is admitted. */
  readonly signal: AbortSignal;
}

// An access policy may ask somebody else.
const accessMs = 5_000;
const tallyMs = 5_000;

/** A node's viewers and the streams they watch. */
export class Edge {
  readonly #options: EdgeOptions;
  readonly #logger: Logger;
  readonly #figures: EdgeFigures;
  readonly #timelines: TimelineTally;
  readonly #lookup: StreamLookup;
  readonly #streamSettings: EdgeStreamSettings;
  readonly #streams = new Map<StreamKey, EdgeStream>();
  readonly #viewers = new Map<string, Viewer>();
  readonly #admissions = new Set<Admission>();
  readonly #watch: Watch;
  readonly #tallyTimer: Timer;
  #bytesOfEnded = 0;
  #isDraining = false;
  /** Answers other edges that cannot reach a stream's owner. */
  readonly peerFeed: RelaySource;
  /** Answers those whose agent this edge is. They have viewers: a drain does not end them, `close` does. */
  readonly agentFeed: RelaySource;
  /** Answers edges of the region that pull through this one. */
  readonly shieldFeed: RelaySource;
  #isClosed = false;

  constructor(options: EdgeOptions) {
    const { clock, registry } = options;
    this.#options = options;
    this.#logger = options.logger.child({ role: 'edge' });
    const logger = this.#logger;
    const figures = new EdgeFigures(options.metrics);
    this.#figures = figures;
    this.#timelines = new TimelineTally(figures);
    const remembered = (): void => {
      figures.lookupRemembered();
    };
    this.#lookup = new StreamLookup({ registry, clock, logger, remembered });
    this.#streamSettings = this.#settings();
    this.peerFeed = new PeerFeed(
      (key) => (this.#isDraining ? undefined : this.#streams.get(key)),
      (result) => {
        figures.peerAnswered(result);
      },
    );
    this.agentFeed = new AgentFeed({
      open: (key) => {
        if (this.#isClosed) throw new AppError('draining');
        return this.#open(key);
      },
      acquire: (stream, ms) => stream.acquire(ms),
      answered: (result) => {
        figures.agentAnswered(result);
      },
    });
    this.shieldFeed = new AgentFeed({
      open: (key) => {
        if (this.#isDraining) throw new AppError('draining');
        return this.#open(key);
      },
      acquire: (stream, ms) => stream.acquireAsShield(ms),
      answered: (result) => {
        figures.shieldAnswered(result);
      },
    });
    this.#watch = registry.watch((event) => {
      this.#heard(event);
    });
    this.#tallyTimer = clock.every(tallyMs, () => {
      this.#tally();
    });
  }

  /** The time that its viewers' connections go by. */
  get clock(): Clock {
    return this.#options.clock;
  }

  get viewers(): ReadonlyMap<string, Viewer> {
    return this.#viewers;
  }

  get streams(): ReadonlyMap<StreamKey, EdgeStream> {
    return this.#streams;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Media bytes written to all viewers, those that are gone included. */
  get bytesWritten(): number {
    let bytes = this.#bytesOfEnded;
    for (const viewer of this.#viewers.values()) bytes += viewer.bytesWritten;
    return bytes;
  }

  /** Admits a viewer once its stream is there. Rejects with an `AppError` that says how to answer. */
  async admit(request: ViewRequest): Promise<Viewer> {
    return this.#answer(request, async (admission, seat) => this.#admit(request, admission, seat));
  }

  /** Whether a stream is live, as far as this edge can tell without pulling it. */
  async hasLive(key: StreamKey): Promise<boolean> {
    const phase = this.#streams.get(key)?.phase;
    if (phase === 'live' || phase === 'holding') return true;
    const { agent } = this.#options;
    if (agent !== undefined) return agent.hasLive(key);
    const record = await this.#lookup.find(key);
    return record?.state === 'live' || record?.state === 'interrupted';
  }

  /** Whether a viewer may play a stream that is live now: the answer to HEAD. Rejects like `admit`. */
  async check(request: ViewRequest): Promise<void> {
    await this.#answer(request, async (admission, seat) => {
      const key = await this.#permit(request, admission);
      const isLive = await admission.wait(this.hasLive(key));
      if (!isLive) throw new AppError('stream_not_found', { details: { stream: key } });
      seat?.release();
    });
  }

  /** Ends a viewer by an operator's wish; false when there is none with that session id. */
  kick(sessionId: string): boolean {
    const viewer = this.#viewers.get(sessionId);
    viewer?.end('kicked');
    return viewer !== undefined;
  }

  /** No new viewers from now on; those that still wait are refused. */
  drain(): void {
    this.#isDraining = true;
    for (const admission of this.#admissions) admission.end(new AppError('draining'));
  }

  /** Ends every viewer and pull. */
  close(): void {
    this.#isClosed = true;
    this.drain();
    this.#watch.close();
    this.#lookup.close();
    for (const stream of [...this.#streams.values()]) stream.close('shutdown');
    this.#tallyTimer.cancel();
  }

  async #answer<T>(
    request: ViewRequest,
    answer: (admission: Admission, seat: Seat | undefined) => Promise<T>,
  ): Promise<T> {
    const admission = new Admission(this.#options.clock, request.signal);
    const { seats } = this.#options;
    let seat: Seat | undefined;
    try {
      this.#refuseIfClosed();
      this.#admissions.add(admission);
      if (seats !== undefined) seat = await takeSeat(seats, admission);
      return await answer(admission, seat);
    } catch (caught) {
      seat?.release();
      throw this.#refused(request, toAppError(caught));
    } finally {
      this.#admissions.delete(admission);
      admission.close();
    }
  }

  #refuseIfClosed(): void {
    if (this.#isDraining) throw new AppError('draining');
    const { maxViewers } = this.#options;
    const viewers = this.#viewers.size + this.#admissions.size;
    const overload =
      viewers < maxViewers ? this.#options.overload() : { limit: 'viewers', is: viewers, max: maxViewers };
    if (overload !== undefined) throw new AppError('limit_reached', { details: { ...overload } });
  }

  #refused(request: ViewRequest, error: AppError): AppError {
    // Of limits only those of a node are told with what they are at.
    const { limit, is } = error.details;
    if (error.code === 'limit_reached' && is !== undefined) this.#figures.overloaded(String(limit));
    const { sessionId, protocol, remoteAddress } = request.context;
    // Whatever came of the wait: one that has left was not refused.
    const isGone = request.signal.aborted;
    this.#figures.refused(protocol, isGone ? 'client_closed' : error.code);
    const fields = { sessionId, protocol, remoteAddress, app: request.app, name: request.name, err: error };
    if (!isGone) this.#logger[error.entry.level](fields, 'play refused');
    return error;
  }

  async #permit(request: ViewRequest, admission: Admission): Promise<StreamKey> {
    const { context, params } = request;
    const { protocol, remoteAddress } = context;
    const stream = streamKey(request.app, request.name);
    const { access } = this.#options;
    const decision = await admission.wait(
      access.decide({ action: 'play', stream, protocol, remoteAddress, params }),
      accessMs,
    );
    if (decision.allowed) return stream;
    throw new AppError(decision.code, { details: { stream, why: decision.description } });
  }

  async #admit(request: ViewRequest, admission: Admission, seat: Seat | undefined): Promise<Viewer> {
    const { context } = request;
    const latency = this.#latencyOf(request.params);
    const key = await this.#permit(request, admission);
    const lease = this.#open(key).acquire();
    try {
      const live = await admission.wait(lease.ready);
      const viewer = new Viewer({
        context,
        stream: key,
        live,
        lease,
        latency,
        backlog: this.#options.backlog,
        clock: this.#options.clock,
        logger: this.#logger,
        closed: (ended, reason) => {
          this.#viewerClosed(ended, reason);
          seat?.release();
        },
      });
      this.#viewers.set(context.sessionId, viewer);
      this.#figures.viewerOpened(context.protocol, admission.elapsedMs);
      return viewer;
    } catch (caught) {
      lease.release();
      throw caught;
    }
  }

  #open(key: StreamKey): EdgeStream {
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const { maxStreams } = this.#options;
    if (this.#streams.size >= maxStreams) {
      throw new AppError('limit_reached', { details: { limit: 'edge streams', max: maxStreams } });
    }
    const stream = new EdgeStream(key, this.#streamSettings, (reason) => {
      this.#timelines.count(stream);
      this.#streams.delete(key);
      this.#figures.streams(this.#streams.size);
      // Those that were attached have heard it; a paused viewer has not.
      for (const viewer of [...this.#viewers.values()]) if (viewer.stream === key) viewer.end(reason);
    });
    this.#streams.set(key, stream);
    this.#figures.streams(this.#streams.size);
    return stream;
  }

  #settings(): EdgeStreamSettings {
    const { node, nodes, agent, hasPeers, isAgent = false, shield = 'off' } = this.#options;
    return {
      ...this.#options,
      logger: this.#logger,
      keepsCopy: hasPeers || isAgent,
      find: async (key) => (agent === undefined ? this.#lookup.find(key) : recordOf(key, agent)),
      candidates: (record, failed, isAsked) =>
        agent === undefined
          ? upstreamCandidates({ record, failed, nodes: nodes(), self: node, shield, isAsked })
          : [{ kind: 'agent', node: agent.node, address: agent.address }],
      ...this.#figures.streamReports(),
    };
  }

  #tally(): void {
    let peers = 0;
    let askers = 0;
    for (const stream of this.#streams.values()) {
      this.#timelines.count(stream);
      peers += stream.peers;
      askers += stream.askers;
    }
    this.#figures.peers(peers);
    this.#figures.askers(askers);
  }

  #latencyOf(params: ReadonlyMap<string, string>): LatencyClass {
    const latency = params.get('latency') ?? this.#options.defaultLatency;
    if (latency === 'low' || latency === 'normal') return latency;
    throw new AppError('request_malformed', {
      details: { latency: latency.slice(0, 32), expected: 'low or normal' },
    });
  }

  #heard(event: RegistryEvent): void {
    this.#lookup.note(event);
    if (event.type === 'stream_claimed') this.#streams.get(event.record.stream)?.claimed(event.record);
    if (event.type === 'stream_ended') this.#streams.get(event.record.stream)?.endedElsewhere(event.record);
  }

  #viewerClosed(viewer: Viewer, reason: CloseReason): void {
    this.#viewers.delete(viewer.context.sessionId);
    this.#bytesOfEnded += viewer.bytesWritten;
    this.#figures.viewerEnded(viewer.context.protocol, reason, viewer);
  }
}
