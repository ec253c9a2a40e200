// The newest GOP of a stream as its owner numbered it, for those who pull it from this edge: references to the frames that
// its own viewers get, before the timeline renumbers them. A stream to send is made of it for the first pull, since most
// streams never have one.
import { AppError, type Clock, type CloseReason, type StreamKey } from '@headwater/contracts';
import {
  CodecState,
  FrameRing,
  immediateFlushPlan,
  LiveStream,
  type BacklogLimits,
  type Frame,
  type FrameRingLimits,
} from '@headwater/media';
import { relayFormat, type PullCall, type PulledState } from '@headwater/relay';

// A puller serves viewers of its own: it may lie behind further than one of them before it jumps to a keyframe.
const pullBacklog: BacklogLimits = {
  softBytes: 16 * 1024 * 1024,
  softMs: 5_000,
  hardBytes: 32 * 1024 * 1024,
  hardMs: 15_000,
};

/** What a copy is made of. */
export interface StreamCopyOptions {
  readonly key: StreamKey;
  readonly epoch: number;
  /** Number of the first frame of the epoch that comes here, repeated headers left aside. */
  readonly firstSequence: number;
  readonly clock: Clock;
  readonly ring: FrameRingLimits;
  /** Counts frames that slow pullers missed, when their pull ends. */
  readonly dropped: (frames: number) => void;
}

/** One epoch of a stream, for peers and for those on whose behalf it is pulled. */
export class StreamCopy {
  readonly epoch: number;
  readonly #options: StreamCopyOptions;
  readonly #codecs = new CodecState();
  readonly #ring: FrameRing;
  readonly #calls = new Set<PullCall>();
  /** What pulls are served from while there are any. */
  #live: LiveStream | undefined;
  #lastSequence = -1;

  constructor(options: StreamCopyOptions) {
    this.epoch = options.epoch;
    this.#options = options;
    this.#ring = new FrameRing({ ...options.ring, keep: 'gop' });
  }

  /** How many peers are served. */
  get peers(): number {
    let peers = 0;
    for (const call of this.#calls) if (call.request.reach === 'peer') peers++;
    return peers;
  }

  /** Takes frames as they were pulled. */
  push(frames: readonly Frame[]): void {
    for (const frame of frames) {
      // A pull that begins anew repeats headers under their old numbers.
      if (frame.sequence <= this.#lastSequence) continue;
      this.#lastSequence = frame.sequence;
      if (this.#codecs.accept(frame)) this.#ring.invalidateGop();
      this.#ring.push(frame);
      this.#live?.push(frame);
    }
  }

  /** Answers a pull: it goes on where it asked to, or starts at the newest keyframe. Throws `epoch_stale`. */
  serve(call: PullCall, state: PulledState): void {
    const { epoch } = this;
    const { stream, resume, minEpoch = 0 } = call.request;
    if (minEpoch > epoch) throw new AppError('epoch_stale', { details: { stream, epoch, wanted: minEpoch } });
    const live = (this.#live ??= this.#open());
    const resumed = resume?.epoch === epoch && live.canResumeAfter(resume.sequence - 1);
    const from = resumed ? { afterSequence: resume.sequence - 1 } : 'keyframe';
    const nextSequence = Math.max(live.lastSequence + 1, this.#options.firstSequence);
    const firstSequence = resumed ? resume.sequence : (live.joinSequence ?? nextSequence);
    call.opened({ epoch, firstSequence, resumed, state });
    this.#calls.add(call);
    const subscription = live.attach({
      format: relayFormat(epoch),
      sink: call.sink,
      backlog: pullBacklog,
      latency: 'low',
      from,
      ended: (reason) => {
        call.ended(reason);
      },
    });
    call.onClosed(() => {
      this.#calls.delete(call);
      subscription.detach();
      if (this.#calls.size === 0) this.close('client_closed');
      this.#options.dropped(subscription.droppedFrames);
    });
  }

  /** Tells all pullers how the stream stands. */
  state(state: PulledState): void {
    for (const call of this.#calls) call.state(state);
  }

  /** Tells those on whose behalf the stream is pulled that nobody delivers it; peers look for themselves. */
  lost(): void {
    for (const call of this.#calls) if (call.request.reach === 'agent') call.state('interrupted');
  }

  /** The stream is no peer's to pull any more; it goes on for all others. */
  endPeers(reason: CloseReason): void {
    for (const call of [...this.#calls]) if (call.request.reach === 'peer') call.ended(reason);
  }

  /** Ends all pulls: `replaced` where a newer epoch follows. */
  close(reason: CloseReason): void {
    const live = this.#live;
    this.#live = undefined;
    live?.close(reason);
  }

  #open(): LiveStream {
    const { key, clock, ring } = this.#options;
    const live = new LiveStream({
      key,
      clock,
      ring: { ...ring, keep: 'gop' },
      flushPlan: immediateFlushPlan,
    });
    const gop = this.#ring.gop();
    for (const frame of [...this.#codecs.headers(gop[0]?.timestampMs ?? 0), ...gop]) live.push(frame);
    return live;
  }
}
