// What a source sends while this node is still deciding whether it takes the stream: what configures the tracks, and the
// current group of pictures, within a limit.
import { classifyFrame, type FrameKind, type FrameRole } from '@headwater/media';

interface PendingFrame {
  readonly kind: FrameKind;
  readonly role: FrameRole;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

const maxBytes = 8 * 1024 * 1024;
const maxConfigurations = 32;

/** Frames that wait for a decision. */
export class PendingMedia {
  #frames: PendingFrame[] = [];
  #bytes = 0;
  #isAwaitingKeyframe = false;

  /** Keeps a frame, and forgets what it makes needless. Returns how many frames that were needed were given up. */
  add(kind: FrameKind, timestampMs: number, payload: Buffer): number {
    const role = classifyFrame(kind, payload);
    if (role === 'keyframe') {
      this.#keepConfigurations();
      this.#isAwaitingKeyframe = false;
    } else if (this.#isAwaitingKeyframe && kind === 'video' && role === 'media') return 1;
    this.#frames.push({ kind, role, timestampMs, payload });
    this.#bytes += payload.length;
    if (this.#bytes <= maxBytes) return 0;
    const before = this.#frames.length;
    this.#keepConfigurations();
    this.#isAwaitingKeyframe = true;
    return before - this.#frames.length;
  }

  /** Hands out what is there, in order, and forgets it. */
  drain(deliver: (kind: FrameKind, timestampMs: number, payload: Buffer) => void): void {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    for (const { kind, timestampMs, payload } of frames) deliver(kind, timestampMs, payload);
  }

  #keepConfigurations(): void {
    const isConfiguration = ({ role }: PendingFrame): boolean => role === 'header' || role === 'metadata';
    this.#frames = this.#frames.filter(isConfiguration).slice(-maxConfigurations);
    this.#bytes = this.#frames.reduce((sum, { payload }) => sum + payload.length, 0);
  }
}
