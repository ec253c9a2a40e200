// The edge role: admits viewers, keeps one pull for each stream they watch, ends what nobody watches.
import {
  AppError,
  streamKey,
  toAppError,
  type AccessPolicy,
  type Clock,
  type CloseReason,
  type Counter,
  type Gauge,
  type Logger,
  type Metrics,
  type SessionProtocol,
  type StreamKey,
} from '@headwater/contracts';
import type { RegistryEvent, Watch } from '@headwater/cluster';
import type { BacklogLimits, LatencyClass } from '@headwater/media';
import { EdgeStream, type EdgeStreamSettings } from './edge-stream.ts';
import { Viewer, type ViewerContext } from './viewer.ts';

/** What an edge is made of. */
export interface EdgeOptions extends EdgeStreamSettings {
  readonly metrics: Metrics;
  readonly access: AccessPolicy;
  readonly backlog: BacklogLimits;
  readonly defaultLatency: LatencyClass;
  /** Viewers at most, those still waiting for their stream included. */
  readonly maxViewers: number;
  /** Streams at most, those still waited for included. */
  readonly maxStreams: number;
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

/** A node's viewers and the streams they watch. */
export class Edge {
  readonly #options: EdgeOptions;
  readonly #logger: Logger;
  readonly #streams = new Map<StreamKey, EdgeStream>();
  readonly #viewers = new Map<string, Viewer>();
  readonly #counts = new Map<SessionProtocol, number>();
  readonly #watch: Watch;
  readonly #ends: Counter;
  readonly #bytes: Counter;
  readonly #drops: Counter;
  readonly #current: Gauge;
  readonly #streamCount: Gauge;
  #waiting = 0;
  #bytesOfEnded = 0;
  #isDraining = false;

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ role: 'edge' });
    const { metrics } = options;
    this.#ends = metrics.counter({
      name: 'headwater_play_ends_total',
      help: 'Viewers that ended, by protocol and reason; refused ones by the code of the refusal.',
      labels: ['protocol', 'reason'],
    });
    this.#bytes = metrics.counter({
      name: 'headwater_play_bytes_total',
      help: 'Media bytes written to viewers that have ended.',
      labels: ['protocol'],
    });
    this.#drops = metrics.counter({
      name: 'headwater_play_dropped_frames_total',
      help: 'Frames that slow viewers missed, counted when they end.',
      labels: ['protocol'],
    });
    this.#current = metrics.gauge({
      name: 'headwater_viewers',
      help: 'Viewers that are connected.',
      labels: ['protocol'],
    });
    this.#streamCount = metrics.gauge({
      name: 'headwater_edge_streams',
      help: 'Streams that this edge pulls.',
    });
    this.#watch = options.registry.watch((event) => {
      this.#heard(event);
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

  /** Media bytes written to all viewers, those that are gone included. */
  get bytesWritten(): number {
    let bytes = this.#bytesOfEnded;
    for (const viewer of this.#viewers.values()) bytes += viewer.bytesWritten;
    return bytes;
  }

  /** Admits a viewer once its stream is there. Rejects with an `AppError` that says how to answer. */
  async admit(request: ViewRequest): Promise<Viewer> {
    const { protocol } = request.context;
    try {
      return await this.#admit(request);
    } catch (caught) {
      const error = toAppError(caught);
      // Whatever came of the wait: one that has left was not refused.
      const isGone = request.signal.aborted;
      this.#ends.add(1, { protocol, reason: isGone ? 'client_closed' : error.code });
      const { sessionId, remoteAddress } = request.context;
      const fields = { sessionId, protocol, remoteAddress, app: request.app, name: request.name, err: error };
      if (!isGone) this.#logger[error.entry.level](fields, 'play refused');
      throw error;
    }
  }

  /** Whether a viewer may play a stream that is live now: the answer to HEAD. Rejects like `admit`. */
  async check(request: Omit<ViewRequest, 'signal'>): Promise<void> {
    const key = await this.#permit(request);
    const record = await this.#options.registry.stream(key);
    if (record?.state === 'live' || record?.state === 'interrupted') return;
    throw new AppError('stream_not_found', { details: { stream: key } });
  }

  /** Ends a viewer by an operator's wish; false when there is none with that session id. */
  kick(sessionId: string): boolean {
    const viewer = this.#viewers.get(sessionId);
    viewer?.end('kicked');
    return viewer !== undefined;
  }

  /** No new viewers from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Ends every viewer and pull. */
  close(): void {
    this.drain();
    this.#watch.close();
    for (const stream of [...this.#streams.values()]) stream.close('shutdown');
  }

  async #admit(request: ViewRequest): Promise<Viewer> {
    this.#refuseWhileDraining();
    const { maxViewers } = this.#options;
    if (this.#viewers.size + this.#waiting >= maxViewers) {
      throw new AppError('limit_reached', { details: { limit: 'viewers', max: maxViewers } });
    }
    this.#waiting++;
    try {
      const key = await this.#permit(request);
      this.#refuseWhileDraining();
      return await this.#lease(key, request);
    } finally {
      this.#waiting--;
    }
  }

  #refuseWhileDraining(): void {
    if (this.#isDraining) throw new AppError('draining');
  }

  async #permit(request: Omit<ViewRequest, 'signal'>): Promise<StreamKey> {
    const stream = streamKey(request.app, request.name);
    const { protocol, remoteAddress } = request.context;
    const { params } = request;
    const decision = await this.#options.access.decide({
      action: 'play',
      stream,
      protocol,
      remoteAddress,
      params,
    });
    if (decision.allowed) return stream;
    throw new AppError(decision.code, { details: { stream, why: decision.description } });
  }

  async #lease(key: StreamKey, request: ViewRequest): Promise<Viewer> {
    const { signal, context } = request;
    const latency = this.#latencyOf(request.params);
    signal.throwIfAborted();
    const lease = this.#open(key).acquire();
    signal.addEventListener('abort', lease.release, { once: true });
    try {
      const live = await lease.ready;
      signal.throwIfAborted();
      const { clock, backlog } = this.#options;
      const logger = this.#logger;
      const closed = (viewer: Viewer, reason: CloseReason): void => {
        this.#viewerClosed(viewer, reason);
      };
      const viewer = new Viewer({
        context,
        stream: key,
        live,
        lease,
        latency,
        backlog,
        clock,
        logger,
        closed,
      });
      this.#viewers.set(context.sessionId, viewer);
      this.#countViewer(context.protocol, 1);
      return viewer;
    } catch (caught) {
      lease.release();
      throw caught;
    } finally {
      signal.removeEventListener('abort', lease.release);
    }
  }

  #open(key: StreamKey): EdgeStream {
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const { maxStreams } = this.#options;
    if (this.#streams.size >= maxStreams) {
      throw new AppError('limit_reached', { details: { limit: 'edge streams', max: maxStreams } });
    }
    const stream = new EdgeStream(key, { ...this.#options, logger: this.#logger }, (reason) => {
      this.#streams.delete(key);
      this.#streamCount.set(this.#streams.size);
      // Those that were attached have heard it; a paused viewer has not.
      for (const viewer of [...this.#viewers.values()]) if (viewer.stream === key) viewer.end(reason);
    });
    this.#streams.set(key, stream);
    this.#streamCount.set(this.#streams.size);
    return stream;
  }

  #latencyOf(params: ReadonlyMap<string, string>): LatencyClass {
    const latency = params.get('latency') ?? this.#options.defaultLatency;
    if (latency === 'low' || latency === 'normal') return latency;
    throw new AppError('request_malformed', {
      details: { latency: latency.slice(0, 32), expected: 'low or normal' },
    });
  }

  #heard(event: RegistryEvent): void {
    if (event.type === 'stream_claimed') this.#streams.get(event.record.stream)?.claimed(event.record);
    if (event.type === 'stream_ended') this.#streams.get(event.record.stream)?.endedElsewhere(event.record);
  }

  #viewerClosed(viewer: Viewer, reason: CloseReason): void {
    const { sessionId, protocol } = viewer.context;
    this.#viewers.delete(sessionId);
    this.#ends.add(1, { protocol, reason });
    this.#bytesOfEnded += viewer.bytesWritten;
    this.#bytes.add(viewer.bytesWritten, { protocol });
    this.#drops.add(viewer.droppedFrames, { protocol });
    this.#countViewer(protocol, -1);
  }

  #countViewer(protocol: SessionProtocol, change: 1 | -1): void {
    const count = (this.#counts.get(protocol) ?? 0) + change;
    this.#counts.set(protocol, count);
    this.#current.set(count, { protocol });
  }
}
