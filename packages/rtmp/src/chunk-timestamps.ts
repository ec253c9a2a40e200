import { messageType } from './message.ts';

const wrapMs = 2 ** 32;
const maxUnwrappedMs = 2 ** 52;

/** How far a track may begin before the first time that was seen, as encoders' priming does. Further is another clock. */
const maxPrimingMs = 60_000;

/**
 * Unwraps the 32-bit times of a connection's media by serial arithmetic (RFC 1982, RTMP 1.0 §4): each is taken to be
 * within 2^31 ms of the audio or video message before it. One instance serves all chunk streams of a connection, so that
 * audio and video agree on how often time has wrapped.
 */
export class ChunkTimestamps {
  #lastMs: number | undefined;

  /** Non-negative milliseconds for a media message of the given type; the field itself for all other messages. */
  unwrap(typeId: number, timestamp: number): number {
    const isTrack =
      typeId === messageType.audio || typeId === messageType.video || typeId === messageType.aggregate;
    if (!isTrack && typeId !== messageType.dataAmf0 && typeId !== messageType.dataAmf3) return timestamp;
    if (this.#lastMs === undefined) {
      if (isTrack) this.#lastMs = timestamp;
      return timestamp;
    }
    let unwrappedMs = this.#lastMs + ((timestamp - this.#lastMs) | 0);
    if (unwrappedMs < -maxPrimingMs) unwrappedMs += wrapMs;
    // A peer that leaps on and on would leave the exact integers: from there its clock counts anew.
    if (unwrappedMs > maxUnwrappedMs) unwrappedMs = timestamp;
    // Data does not move the reference: some encoders stamp all of it with 0.
    if (isTrack) this.#lastMs = unwrappedMs;
    return Math.max(unwrappedMs, 0);
  }
}
