// The wait at the start of a session: nothing is shown before its first frame that decodes by itself. Streams with video
// start at a keyframe whose sequence header is known. Streams without start at their first audio, once video has had its
// time to come; that time is bounded, so that a publisher who returns without camera is heard.
import { needsSequenceStart } from './codec-names.ts';
import type { CodecState } from './codec-state.ts';
import type { Frame } from './frame.ts';

/** How long audio waits for video that viewers had before or that the session has announced. */
export const videoWaitMs = 10_000;
/** How long audio waits where nothing hints at video, of real or of media time: relays hand over seconds at once. */
export const audioProbeMs = 1_000;

const maxHeldMs = 2_000;
const maxHeldFrames = 512;
const maxHeldBytes = 1024 * 1024;

/** What a session starts with, in order; the first frame's own time is the start of all. */
export interface SessionStart {
  readonly ownMs: number;
  readonly frames: readonly Frame[];
}

/** Decides when a session starts, and holds what came before and is still worth sending then. */
export class TimelineGate {
  #openedAtMs = 0;
  #waitMs = 0;
  #heldFromMs: number | undefined;
  #held: Frame[] = [];
  #heldBytes = 0;
  #dropped = 0;

  /** Frames that were offered and will never be sent. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Begins to wait. `waitMs` is how long audio waits for video, unless the session announces some. */
  open(nowMs: number, waitMs: number): void {
    this.#openedAtMs = nowMs;
    this.#waitMs = waitMs;
    this.#dropped += this.#held.length;
    this.#clear();
  }

  /** Takes the next frame after `codecs` has seen it; answers with the start when this frame brings it about. */
  offer(frame: Frame, nowMs: number, codecs: CodecState): SessionStart | undefined {
    if (frame.role === 'header' || frame.role === 'metadata') return undefined;
    const isVideoKnown = codecs.codecOf('video') !== undefined;
    if (frame.role === 'keyframe' && this.isDecodable(frame, nowMs, codecs)) return this.#startAt(frame);
    const isHeld = frame.kind === 'video' ? !isVideoKnown : this.isDecodable(frame, nowMs, codecs);
    if (isHeld) this.#hold(frame);
    else this.#dropped++;
    const waitMs = isVideoKnown ? Math.max(this.#waitMs, videoWaitMs) : this.#waitMs;
    return this.#hasWaited(frame, nowMs, waitMs) ? this.#startWithHeld() : undefined;
  }

  /** True when the session has the sequence header that the frame needs, or has had its time to send one. */
  isDecodable(frame: Frame, nowMs: number, codecs: CodecState): boolean {
    if (frame.kind === 'data') return true;
    const codec = codecs.codecOf(frame.kind);
    if (codec === undefined || !needsSequenceStart(codec) || codecs.hasSequenceStart(frame.kind)) return true;
    return nowMs - this.#openedAtMs >= videoWaitMs;
  }

  #hasWaited(frame: Frame, nowMs: number, waitMs: number): boolean {
    if (nowMs - this.#openedAtMs >= waitMs) return true;
    return frame.kind !== 'data' && frame.timestampMs - (this.#heldFromMs ?? frame.timestampMs) >= waitMs;
  }

  #hold(frame: Frame): void {
    this.#held.push(frame);
    this.#heldBytes += frame.payload.length;
    if (frame.kind !== 'data') this.#heldFromMs ??= frame.timestampMs;
    let excess = 0;
    for (const old of this.#held) {
      const isOld = frame.kind !== 'data' && frame.timestampMs - old.timestampMs > maxHeldMs;
      const isTooMuch = this.#held.length - excess > maxHeldFrames || this.#heldBytes > maxHeldBytes;
      if (!isOld && !isTooMuch) break;
      this.#heldBytes -= old.payload.length;
      excess++;
    }
    if (excess === 0) return;
    this.#held.splice(0, excess);
    this.#dropped += excess;
  }

  // Of what was held, the clock will drop what is older than the keyframe, or left over from before a jump.
  #startAt(keyframe: Frame): SessionStart {
    const frames = [keyframe, ...this.#held];
    this.#clear();
    return { ownMs: keyframe.timestampMs, frames };
  }

  #startWithHeld(): SessionStart | undefined {
    const firstMedia = this.#held.findIndex((frame) => frame.kind !== 'data');
    const frames = this.#held.slice(Math.max(0, firstMedia));
    const first = frames[0];
    if (first === undefined) return undefined;
    this.#dropped += this.#held.length - frames.length;
    this.#clear();
    return { ownMs: first.timestampMs, frames };
  }

  #clear(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#heldFromMs = undefined;
  }
}
