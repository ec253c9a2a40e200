// The newest GOP of a stream as its owner numbered it, for peers that cannot reach the owner: references to the frames
// that this edge's own viewers get, before the timeline renumbers them. A stream to send is made of it for the first
// peer, since most streams never have one.
import type { Clock, CloseReason, StreamKey } from '@headwater/contracts';
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

// A peer serves viewers of its own: it may lie behind further than one of them before it jumps to a keyframe.
const peerBacklog: BacklogLimits = {
  softBytes: 16 * 1024 * 1024,
  softMs: 5_000,
  hardBytes: 32 * 1024 * 1024,
  hardMs: 15_000,
};

/** What a copy is made of. */
export interface PeerCopyOptions {
  readonly key: StreamKey;
  readonly epoch: number;
  readonly clock: Clock;
  readonly ring: FrameRingLimits;
  /** Counts frames that slow peers missed, when their pull ends. */
  readonly dropped: (frames: number) => void;
}

/** One epoch of a stream, for peers. */
export class PeerCopy {
  readonly epoch: number;
  readonly #options: PeerCopyOptions;
  readonly #codecs = new CodecState();
  readonly #ring: FrameRing;
  readonly #calls = new Set<PullCall>();
  /** What peers are served from while there are any. */
  #live: LiveStream | undefined;
  #lastSequence = -1;

  constructor(options: PeerCopyOptions) {
    this.epoch = options.epoch;
    this.#options = options;
    this.#ring = new FrameRing({ ...options.ring, keep: 'gop' });
  }

  /** How many peers are served. */
  get peers(): number {
    return this.#calls.size;
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

  /** Answers a peer: it goes on where it asked to, or starts at the newest keyframe. */
  serve(call: PullCall): void {
    const { epoch } = this;
    const { resume } = call.request;
    const live = (this.#live ??= this.#open());
    const resumed = resume?.epoch === epoch && live.canResumeAfter(resume.sequence - 1);
    const from = resumed ? { afterSequence: resume.sequence - 1 } : 'keyframe';
    const firstSequence = resumed ? resume.sequence : (live.joinSequence ?? live.lastSequence + 1);
    call.opened({ epoch, firstSequence, resumed, state: 'live' });
    this.#calls.add(call);
    const subscription = live.attach({
      format: relayFormat(epoch),
      sink: call.sink,
      backlog: peerBacklog,
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

  /** Tells the peers what the owner said. */
  state(state: PulledState): void {
    for (const call of this.#calls) call.state(state);
  }

  /** Ends the peers' pulls: `replaced` where a newer epoch follows. */
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
