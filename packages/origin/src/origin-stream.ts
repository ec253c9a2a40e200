// One publish session as the cluster sees it: an epoch, its numbered frames, the relay pulls that follow it. When the
// publisher's connection vanishes the stream is held, so that edges keep their viewers; it returns as a new epoch.
import type { Clock, CloseReason, StreamKey, Timer } from '@headwater/contracts';
import {
  classifyFrame,
  immediateFlushPlan,
  LiveStream,
  type FrameKind,
  type FrameRingLimits,
  type LiveStreamStats,
} from '@headwater/media';
import type { OwnedStream } from '@headwater/cluster';
import type { CurrentPublisher } from './publish-conflict.ts';
import type { ServedStream } from './served-stream.ts';

/** `live`: the publisher is connected. `interrupted`: it is away, the stream is held. `ended`: for good. */
export type OriginStreamState = 'live' | 'interrupted' | 'ended';

/** Which state may follow which. */
export const originStreamTransitions: Readonly<Record<OriginStreamState, readonly OriginStreamState[]>> = {
  live: ['interrupted', 'ended'],
  interrupted: ['ended'],
  ended: [],
};

// So long after a switch, those who come from the epoch before are late and no newcomers.
const switchMs = 2_000;

/** What an origin stream is made of. */
export interface OriginStreamOptions {
  readonly key: StreamKey;
  readonly epoch: number;
  readonly credential: string | undefined;
  readonly clock: Clock;
  readonly ring: FrameRingLimits;
  readonly holdMs: number;
  /** It goes on where an earlier epoch broke off: see `ServedStream.startsAtFirst`. */
  readonly goesOn?: boolean;
  /** Called on each change of its state or of what others are told of that, with the reason where it ended. */
  changed(stream: OriginStream, reason?: CloseReason): void;
  /** Called when the set of codecs grew or changed. */
  codecsChanged(stream: OriginStream): void;
}

/** A stream of one epoch on its owner. The publish session feeds it; `end` is idempotent. */
export class OriginStream implements ServedStream {
  readonly key: StreamKey;
  readonly epoch: number;
  readonly credential: string | undefined;
  readonly live: LiveStream;
  /** When the epoch began here, Unix ms. */
  readonly openedAtMs: number;
  readonly #options: OriginStreamOptions;
  #state: OriginStreamState = 'live';
  readonly #openedMs: number;
  #nextSequence = 0;
  #lastMediaMs: number;
  #codecs = '';
  #isLetGo = false;
  #holdTimer: Timer | undefined;

  constructor(options: OriginStreamOptions) {
    this.key = options.key;
    this.epoch = options.epoch;
    this.credential = options.credential;
    this.#options = options;
    this.#openedMs = this.#lastMediaMs = options.clock.nowMs();
    this.openedAtMs = options.clock.wallMs();
    this.live = new LiveStream({
      key: options.key,
      clock: options.clock,
      ring: { ...options.ring, keep: 'all' },
      flushPlan: immediateFlushPlan,
    });
  }

  get state(): OriginStreamState {
    return this.#state;
  }

  /**
   * The state as others are told it. A publisher without a credential that was asked to move cannot prove elsewhere that
   * it is the same: its stream is as free as one whose publisher is away.
   */
  get claimableState(): 'live' | 'interrupted' {
    return this.#state === 'live' && !(this.#isLetGo && this.credential === undefined)
      ? 'live'
      : 'interrupted';
  }

  /** What its owner says of it. */
  title(relayAddress: string): OwnedStream {
    return {
      epoch: this.epoch,
      state: this.claimableState,
      relayAddress,
      ...(this.credential === undefined ? {} : { credential: this.credential }),
      codecs: this.stats.codecs,
      sinceMs: this.openedAtMs,
    };
  }

  get startsAtFirst(): boolean {
    const { goesOn, clock } = this.#options;
    return goesOn === true && clock.nowMs() - this.#openedMs < switchMs;
  }

  /** How long its publisher sent frames. */
  get mediaMs(): number {
    return this.#lastMediaMs - this.#openedMs;
  }

  get stats(): LiveStreamStats {
    return this.live.stats;
  }

  /** How its publisher stands, for the decision about a second one. */
  get publisher(): CurrentPublisher {
    return {
      credential: this.credential,
      isConnected: this.claimableState === 'live',
      silentMs: this.#options.clock.nowMs() - this.#lastMediaMs,
    };
  }

  /** Numbers one message and hands it to everything that follows the stream. */
  push(kind: FrameKind, timestampMs: number, payload: Buffer): void {
    if (this.#state !== 'live') return;
    this.#lastMediaMs = this.#options.clock.nowMs();
    const role = classifyFrame(kind, payload);
    this.live.push({ kind, role, sequence: this.#nextSequence++, timestampMs, payload });
    if (role === 'header') this.#noteCodecs();
  }

  /** Begins with the headers of the epoch before, where the publisher goes on in this one without sending them again. */
  takeHeaders(former: OriginStream): void {
    for (const { kind, timestampMs, payload } of former.live.headers(former.stats.newestTimestampMs)) {
      this.push(kind, timestampMs, payload);
    }
  }

  /** The publisher was asked to move: whoever takes the stream over may have it. */
  letGo(): void {
    if (this.#state !== 'live' || this.#isLetGo) return;
    this.#isLetGo = true;
    this.#options.changed(this);
  }

  /** The publisher vanished: hold the stream for its return. */
  interrupt(): void {
    if (!this.#enter('interrupted')) return;
    this.#holdTimer = this.#options.clock.after(this.#options.holdMs, () => {
      this.end('hold_expired');
    });
    this.#options.changed(this);
  }

  /** The stream of this epoch is over: its pulls end with that reason. */
  end(reason: CloseReason): void {
    if (!this.#enter('ended')) return;
    this.#holdTimer?.cancel();
    this.live.close(reason);
    this.#options.changed(this, reason);
  }

  #enter(next: OriginStreamState): boolean {
    if (!originStreamTransitions[this.#state].includes(next)) return false;
    this.#state = next;
    return true;
  }

  #noteCodecs(): void {
    const { codecs } = this.live.stats;
    const joined = codecs.join();
    if (joined === this.#codecs) return;
    this.#codecs = joined;
    this.#options.codecsChanged(this);
  }
}
