// A stream that viewers of this edge watch: pulled once whatever their number, spliced onto one rising timeline, kept
// while its publisher is away, kept a while after the last viewer left.
import {
  AppError,
  type Clock,
  type CloseReason,
  type Logger,
  type StreamKey,
  type Timer,
} from '@headwater/contracts';
import type { StreamRecord } from '@headwater/cluster';
import {
  LiveStream,
  Timeline,
  type FlushPlan,
  type FrameRingLimits,
  type TimelineCounters,
} from '@headwater/media';
import type { PullCall, PulledState } from '@headwater/relay';
import { EpochGap, type EpochOutcome } from './epoch-gap.ts';
import { StreamCopy } from './stream-copy.ts';
import type { UpstreamTarget } from './upstream-target.ts';
import { Upstream, type UpstreamListener, type UpstreamOptions } from './upstream.ts';

/** `waiting` for the stream to come; `live`; `holding` viewers while nothing comes; `ended` for good. */
export type EdgeStreamPhase = 'waiting' | 'live' | 'holding' | 'ended';

/** Which phase may follow which. */
export const edgeStreamTransitions: Readonly<Record<EdgeStreamPhase, readonly EdgeStreamPhase[]>> = {
  waiting: ['live', 'holding', 'ended'],
  live: ['holding', 'ended'],
  holding: ['live', 'ended'],
  ended: [],
};

/**
 * How a hold ended: by frames of the same epoch, of a new one from the same origin or from another one, or with the stream.
 */
export type HoldOutcome = 'resumed' | EpochOutcome | 'ended';

/** What all streams of an edge share. */
export interface EdgeStreamSettings extends Omit<UpstreamOptions, 'stream' | 'listener' | 'candidates'> {
  /** See `UpstreamOptions`; `isAsked` while other edges pull through this one. */
  readonly candidates: (
    record: StreamRecord,
    failed: ReadonlySet<string>,
    isAsked: boolean,
  ) => readonly UpstreamTarget[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: FrameRingLimits;
  readonly flushPlan: FlushPlan;
  readonly holdMs: number;
  readonly lingerMs: number;
  readonly waitForStreamMs: number;
  /** Whether anybody may pull from here: peers, or those whose agent this edge is. */
  readonly keepsCopy: boolean;
  /** Told of each time in which viewers got nothing, when it is over. */
  readonly held: (outcome: HoldOutcome, heldMs: number) => void;
  /** Told how long no frame came between two epochs. */
  readonly epochBegan: (outcome: EpochOutcome, gapMs: number) => void;
  /** Counts frames that slow pullers missed. */
  readonly peerDropped: (frames: number) => void;
}

/** A viewer's share in an edge stream. `release` ends it, also while still waiting; twice does nothing. */
export interface StreamLease {
  /** Resolves when the stream is there; rejects `stream_not_found` when it does not come in time, `draining` at shutdown. */
  readonly ready: Promise<LiveStream>;
  readonly release: () => void;
}

interface Waiter {
  readonly resolve: (live: LiveStream) => void;
  readonly reject: (error: AppError) => void;
  readonly timer: Timer;
  /** Its time was up while the stream was on its way: it hears what becomes of that. */
  isOverdue: boolean;
}

/** One stream on an edge. It closes itself and then calls `closed` once. */
export class EdgeStream {
  readonly key: StreamKey;
  /** When the edge began to pull it, Unix ms. */
  readonly openedAtMs: number;
  readonly #settings: EdgeStreamSettings;
  readonly #closed: (reason: CloseReason) => void;
  readonly #logger: Logger;
  readonly #upstream: Upstream;
  readonly #timeline: Timeline;
  readonly #epochGap: EpochGap;
  readonly #waiters = new Set<Waiter>();
  readonly #live: LiveStream;
  #copy: StreamCopy | undefined;
  #phase: EdgeStreamPhase = 'waiting';
  #leases = 0;
  /** Edges that pull the stream through this one. */
  #askers = 0;
  /** What was there when the hold began. */
  #held: { readonly sinceMs: number; readonly epoch: number; readonly owner: string | undefined } | undefined;
  #holdTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;

  constructor(key: StreamKey, settings: EdgeStreamSettings, closed: (reason: CloseReason) => void) {
    const { clock, ring, flushPlan } = settings;
    this.key = key;
    this.openedAtMs = clock.wallMs();
    this.#settings = settings;
    this.#closed = closed;
    this.#logger = settings.logger.child({ stream: key });
    this.#epochGap = new EpochGap(clock, settings.epochBegan);
    const live = new LiveStream({ key, clock, ring: { ...ring, keep: 'gop' }, flushPlan });
    this.#live = live;
    this.#timeline = new Timeline({
      clock,
      output: {
        spliced: (splice) => {
          this.#logger.info({ ...splice }, 'timeline spliced');
          live.beginSession();
        },
        frame: (frame) => {
          live.push(frame);
        },
      },
    });
    this.#upstream = new Upstream({
      ...settings,
      stream: key,
      logger: this.#logger,
      listener: this.#listener(),
      candidates: (record, failed) => settings.candidates(record, failed, this.#askers > 0),
    });
    this.#upstream.start();
  }

  get phase(): EdgeStreamPhase {
    return this.#phase;
  }

  get live(): LiveStream {
    return this.#live;
  }

  get epoch(): number {
    return this.#upstream.epoch;
  }

  /** The node id of the stream's owner; undefined before it is known. */
  get owner(): string | undefined {
    return this.#upstream.owner?.nodeId;
  }

  /** What became of its frames so far. */
  get timelineCounters(): TimelineCounters {
    return this.#timeline.counters;
  }

  /** How many edges pull it through this one. */
  get askers(): number {
    return this.#askers;
  }

  /** How many peers it serves. */
  get peers(): number {
    return this.#copy?.peers ?? 0;
  }

  /** What peers may be served from; undefined unless the stream comes from its owner or standby now. */
  get copyForPeers(): StreamCopy | undefined {
    return this.#phase === 'live' && this.#upstream.isDirect ? this.#copy : undefined;
  }

  /** Answers a pull on whose behalf this edge pulls; who asks holds a share. Throws `stream_not_found`, `epoch_stale`. */
  serve(call: PullCall): void {
    if (this.#copy === undefined) throw this.#notFound();
    // Whoever pulls through this edge may reach somebody while it does not. A stream that the owner holds is delivered, too.
    if (call.request.reach === 'shield' && this.#upstream.phase !== 'flowing') {
      throw new AppError('upstream_unavailable', { details: { stream: this.key } });
    }
    this.#copy.serve(call, this.#phase === 'live' ? 'live' : 'interrupted');
  }

  /** Takes a share for one viewer, or for a puller, whose end the stream outlives by `lingerMs` if it was the last. */
  acquire(lingerMs: number = this.#settings.lingerMs): StreamLease {
    this.#leases++;
    this.#lingerTimer?.cancel();
    this.#lingerTimer = undefined;
    let waiter: Waiter | undefined;
    let isReleased = false;
    const ready = new Promise<LiveStream>((resolve, reject) => {
      if (this.#phase === 'live' || this.#phase === 'holding') resolve(this.#live);
      else waiter = this.#wait(resolve, reject);
    });
    return {
      ready,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        if (waiter !== undefined) this.#settle(waiter, () => waiter?.reject(this.#notFound()));
        this.#leases--;
        if (this.#leases === 0) this.#abandon(lingerMs);
      },
    };
  }

  /** Takes a share for an edge that pulls through this one. Until it is released the stream comes through no further shield. */
  acquireAsShield(lingerMs: number): StreamLease {
    const lease = this.acquire(lingerMs);
    this.#askers++;
    this.#upstream.leaveShield();
    let isReleased = false;
    return {
      ready: lease.ready,
      release: () => {
        if (!isReleased) this.#askers--;
        isReleased = true;
        lease.release();
      },
    };
  }

  /** The registry says that the stream was claimed. */
  claimed(record: StreamRecord): void {
    this.#upstream.claimed(record);
  }

  /** The registry says that the stream is over. */
  endedElsewhere(record: StreamRecord): void {
    this.#upstream.endedElsewhere(record);
  }

  /** Ends the stream for its viewers and stops pulling. */
  close(reason: CloseReason): void {
    if (!this.#enter('ended')) return;
    this.#holdTimer?.cancel();
    this.#lingerTimer?.cancel();
    this.#reportHold(true);
    this.#upstream.close();
    const error = reason === 'shutdown' ? new AppError('draining') : this.#notFound();
    for (const waiter of [...this.#waiters]) this.#settle(waiter, () => waiter.reject(error));
    this.#live.close(reason);
    this.#dropCopy(reason);
    this.#logger.info({ reason }, 'edge stream closed');
    this.#closed(reason);
  }

  #listener(): UpstreamListener {
    return {
      opened: ({ epoch, resumed, firstSequence, state }, { kind, node }) => {
        this.#logger.info({ epoch, resumed, state, from: kind, node: node.nodeId }, 'pull opened');
        this.#beginCopy(epoch, firstSequence);
        // What comes through another edge is no peer's to pass on.
        if (kind === 'peer' || kind === 'shield') this.#copy?.endPeers('stream_not_found');
        this.#copy?.state(state);
        this.#stateChanged(state);
        for (const waiter of [...this.#waiters]) this.#settle(waiter, () => waiter.resolve(this.#live));
      },
      frames: (epoch, frames) => {
        this.#copy?.push(frames);
        this.#epochGap.frames(epoch, frames, this.owner);
        for (const frame of frames) this.#timeline.push(epoch, frame);
      },
      state: (state) => {
        this.#copy?.state(state);
        this.#stateChanged(state);
      },
      lost: () => {
        this.#copy?.lost();
        if (this.#phase === 'live') this.#hold();
      },
      absent: () => {
        this.#refuseOverdue();
      },
      ended: (reason) => {
        this.close(reason);
      },
      refused: (error) => {
        for (const waiter of [...this.#waiters]) this.#settle(waiter, () => waiter.reject(error));
        this.close('stream_not_found');
      },
    };
  }

  #stateChanged(state: PulledState): void {
    if (state === 'interrupted') {
      this.#hold();
      return;
    }
    this.#enter('live');
    this.#holdTimer?.cancel();
    this.#holdTimer = undefined;
    this.#reportHold(false);
  }

  #beginCopy(epoch: number, firstSequence: number): void {
    const { clock, ring, keepsCopy, peerDropped: dropped } = this.#settings;
    if (!keepsCopy || this.#copy?.epoch === epoch) return;
    const before = this.#copy;
    this.#copy = new StreamCopy({ key: this.key, epoch, firstSequence, clock, ring, dropped });
    before?.close('replaced');
  }

  #dropCopy(reason: CloseReason): void {
    this.#copy?.close(reason);
    this.#copy = undefined;
  }

  #hold(): void {
    this.#enter('holding');
    this.#held ??= { sinceMs: this.#settings.clock.nowMs(), epoch: this.epoch, owner: this.owner };
    this.#holdTimer ??= this.#settings.clock.after(this.#settings.holdMs, () => {
      this.close('hold_expired');
    });
  }

  #reportHold(isOver: boolean): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    const heldMs = this.#settings.clock.nowMs() - held.sinceMs;
    const renewed = held.owner === this.owner ? 'republished' : 'failed_over';
    this.#settings.held(isOver ? 'ended' : held.epoch === this.epoch ? 'resumed' : renewed, heldMs);
  }

  #wait(resolve: (live: LiveStream) => void, reject: (error: AppError) => void): Waiter {
    const timer = this.#settings.clock.after(this.#settings.waitForStreamMs, () => {
      waiter.isOverdue = true;
      if (this.#upstream.phase === 'backing-off') this.#refuseOverdue();
    });
    const waiter: Waiter = { resolve, reject, timer, isOverdue: false };
    this.#waiters.add(waiter);
    return waiter;
  }

  // Who waits no longer for a stream that is not live still gets one that is, however long it takes to be fetched.
  #refuseOverdue(): void {
    for (const waiter of [...this.#waiters]) {
      if (waiter.isOverdue) this.#settle(waiter, () => waiter.reject(this.#notFound()));
    }
  }

  #settle(waiter: Waiter, answer: () => void): void {
    if (!this.#waiters.delete(waiter)) return;
    waiter.timer.cancel();
    answer();
  }

  // A stream that never came is dropped at once; one that was watched is kept for the next viewer.
  #abandon(lingerMs: number): void {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'waiting') {
      this.close('stream_not_found');
      return;
    }
    this.#lingerTimer = this.#settings.clock.after(lingerMs, () => {
      this.close('client_closed');
    });
  }

  #notFound(): AppError {
    return new AppError('stream_not_found', { details: { stream: this.key } });
  }

  #enter(next: EdgeStreamPhase): boolean {
    if (!edgeStreamTransitions[this.#phase].includes(next)) return false;
    this.#phase = next;
    return true;
  }
}
