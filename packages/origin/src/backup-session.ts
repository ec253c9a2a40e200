// A backup's publisher: accepted, and kept ready. What it sends goes into a ring of its own, of an epoch that does not
// exist yet; when the backup takes over, the epoch begins with the part of the ring that viewers have not seen.
import type { AppError, Clock, CloseReason, Logger, StreamKey } from '@headwater/contracts';
import {
  classifyFrame,
  immediateFlushPlan,
  LiveStream,
  type FrameKind,
  type FrameRingLimits,
  type LiveStreamStats,
} from '@headwater/media';
import type { PublishControl, PublishReceiver } from '@headwater/rtmp';
import type { PublishAttempt, PublishContext } from './publish-attempt.ts';

/** What a backup session is made of. */
export interface BackupSessionOptions {
  readonly key: StreamKey;
  readonly credential: string | undefined;
  readonly context: PublishContext;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: FrameRingLimits;
  /** A frame that viewers can start with has come in. */
  startArrived(): void;
  /** Its publisher was asked to move, and will stand ready elsewhere. */
  askedToMove(): void;
}

/** A frame that viewers can start with. */
interface Start {
  readonly sequence: number;
  readonly arrivedMs: number;
}

// More starts than any ring holds of a stream with sane keyframes, and enough of one with sound alone.
const maxStarts = 1_000;

/** One publisher that stands ready. `close` is idempotent. */
export class BackupSession implements PublishReceiver {
  readonly key: StreamKey;
  readonly credential: string | undefined;
  readonly context: PublishContext;
  readonly openedAtMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #live: LiveStream;
  readonly #startArrived: () => void;
  readonly #askedToMove: () => void;
  #starts: Start[] = [];
  #hasVideo = false;
  #nextSequence = 0;
  #lastMediaMs: number;
  #attempt: PublishAttempt | undefined;
  #control: PublishControl | undefined;
  /** Takes what comes once the backup has taken over. */
  #successor: PublishReceiver | undefined;
  #closed: ((reason: CloseReason) => void) | undefined;
  #closeReason: CloseReason | undefined;
  #hasEnded = false;

  constructor(options: BackupSessionOptions) {
    const { key, clock, context } = options;
    this.key = key;
    this.credential = options.credential;
    this.context = context;
    this.openedAtMs = clock.wallMs();
    this.#clock = clock;
    this.#lastMediaMs = clock.nowMs();
    this.#startArrived = () => {
      options.startArrived();
    };
    this.#askedToMove = () => {
      options.askedToMove();
    };
    this.#logger = options.logger.child({ sessionId: context.sessionId, stream: key });
    this.#live = new LiveStream({
      key,
      clock,
      ring: { ...options.ring, keep: 'all' },
      flushPlan: immediateFlushPlan,
    });
  }

  get stats(): LiveStreamStats {
    return this.#live.stats;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Since its publisher last sent anything. */
  get silentMs(): number {
    return this.#clock.nowMs() - this.#lastMediaMs;
  }

  /** Accepts the attempt; `closed` is called once when the publisher is gone without having taken over. */
  open(attempt: PublishAttempt, closed: (reason: CloseReason) => void): void {
    this.#attempt = attempt;
    this.#closed = closed;
    const { protocol, remoteAddress } = this.context;
    this.#logger.info({ protocol, remoteAddress }, 'backup publish opened');
    this.#control = attempt.accept(this);
  }

  media(kind: FrameKind, timestampMs: number, payload: Buffer): void {
    if (this.#successor !== undefined) {
      this.#successor.media(kind, timestampMs, payload);
      return;
    }
    if (this.#hasEnded) return;
    this.#lastMediaMs = this.#clock.nowMs();
    const role = classifyFrame(kind, payload);
    const sequence = this.#nextSequence++;
    this.#live.push({ kind, role, sequence, timestampMs, payload });
    if (role === 'header') this.#dropStartsBeforeHeaders();
    else if (role === 'keyframe' || kind === 'audio') this.#noteStart(kind, sequence);
  }

  ended(reason: CloseReason): void {
    if (this.#successor !== undefined) {
      this.#successor.ended(reason);
      return;
    }
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const finalReason = this.#closeReason ?? reason;
    const { framesIn, bytesIn } = this.#live.stats;
    this.#live.close(finalReason);
    this.#logger.info({ reason: finalReason, framesIn, bytesIn }, 'backup publish closed');
    this.#closed?.(finalReason);
  }

  /** Tells the publisher why, and closes its connection. */
  close(reason: CloseReason): void {
    if (this.#hasEnded || this.#closeReason !== undefined || this.#successor !== undefined) return;
    this.#closeReason = reason;
    this.#control?.close(reason);
  }

  /** Asks the publisher to move to another node; false when it did not announce that it can. */
  requestReconnect(): boolean {
    const isAsked = this.#control?.requestReconnect() ?? false;
    if (isAsked) this.#askedToMove();
    return isAsked;
  }

  /** The first frame to start with that came in after that moment; undefined while there is none. */
  startAfter(afterMs: number): number | undefined {
    return this.#starts.find(
      ({ sequence, arrivedMs }) => arrivedMs > afterMs && this.#live.canResumeAfter(sequence - 1),
    )?.sequence;
  }

  /** The publisher as an attempt to publish that has been accepted already: it begins with the frame of that number. */
  takeOver(sequence: number): PublishAttempt {
    const [app = '', name = ''] = this.key.split('/');
    const hasEnded = (): boolean => this.#hasEnded;
    return {
      app,
      name,
      params: this.#attempt?.params ?? new Map<string, string>(),
      get isCancelled() {
        return hasEnded();
      },
      accept: (receiver) => this.#handOver(receiver, sequence),
      refuse: (error: AppError) => {
        this.#logger.warn({ err: error }, 'backup could not take over');
        this.close('internal_error');
      },
    };
  }

  #handOver(receiver: PublishReceiver, sequence: number): PublishControl {
    const control = this.#control;
    if (this.#hasEnded || control === undefined) {
      receiver.ended(this.#closeReason ?? 'client_closed');
      return { close: () => undefined, requestReconnect: () => false };
    }
    const frames = this.#live.framesAfter(sequence - 1) ?? [];
    const headers = this.#live.headers(frames[0]?.timestampMs ?? 0);
    for (const { kind, timestampMs, payload } of [...headers, ...frames]) {
      receiver.media(kind, timestampMs, payload);
    }
    this.#successor = receiver;
    this.#live.close('replaced');
    this.#starts = [];
    return control;
  }

  // With picture, viewers start at keyframes; without, anywhere.
  #noteStart(kind: FrameKind, sequence: number): void {
    if (!this.#hasVideo && this.#live.tracks.hasVideo) {
      this.#hasVideo = true;
      this.#starts = [];
    }
    if (kind === 'audio' && this.#hasVideo) return;
    this.#starts.push({ sequence, arrivedMs: this.#clock.nowMs() });
    if (this.#starts.length > maxStarts) this.#starts.shift();
    this.#startArrived();
  }

  // What was sent for other headers cannot follow the newest ones.
  #dropStartsBeforeHeaders(): void {
    if (this.#live.joinSequence === undefined) this.#starts = [];
  }
}
