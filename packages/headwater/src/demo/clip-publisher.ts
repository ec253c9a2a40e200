// Publishes a clip over and over on one rising timeline, at the pace of the clock.
import type { AppError, Clock, CloseReason, Timer } from '@headwater/contracts';
import type { RtmpClientSession } from '@headwater/rtmp';
import type { DemoClip } from './demo-clip.ts';

const tickMs = 20;

/** What a publisher writes to. */
export type MediaOutput = Pick<RtmpClientSession, 'sendMedia'>;

/** Why a publisher's session ended. */
export interface SessionEnd {
  readonly reason: CloseReason;
  readonly error?: AppError;
}

/** Sends a clip's frames when they are due, from `start` to `stop`. */
export class ClipPublisher {
  readonly #clip: DemoClip;
  readonly #clock: Clock;
  readonly #output: MediaOutput;
  #timer: Timer | undefined;
  #startMs = 0;
  #round = 0;
  #next = 0;

  constructor(clip: DemoClip, clock: Clock, output: MediaOutput) {
    this.#clip = clip;
    this.#clock = clock;
    this.#output = output;
  }

  start(): void {
    this.#startMs = this.#clock.nowMs();
    for (const tag of this.#clip.headers) this.#output.sendMedia(tag.kind, 0, tag.payload);
    this.#sendDue();
    this.#timer = this.#clock.every(tickMs, () => this.#sendDue());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #sendDue(): void {
    const { media, durationMs } = this.#clip;
    const elapsedMs = this.#clock.nowMs() - this.#startMs;
    for (let tag = media[this.#next]; tag !== undefined; tag = media[this.#next]) {
      const timestampMs = this.#round * durationMs + tag.timestampMs;
      if (timestampMs > elapsedMs) return;
      this.#output.sendMedia(tag.kind, timestampMs, tag.payload);
      this.#next += 1;
      if (this.#next < media.length) continue;
      this.#next = 0;
      this.#round += 1;
    }
  }
}
