import type { Frame } from './frame.ts';

/** Which kinds of track a stream has, as far as is known. */
export interface TrackPresence {
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
}

/**
 * A wire format of a stream. It is a pure function of frames: any run of frames encodes by itself, whatever was sent
 * before, so that one Buffer serves every viewer and a dropped run needs no repair.
 */
export interface StreamFormat {
  /** Names the format and its variant, e.g. `rtmp:1`, `flv`; subscribers with equal ids share buffers. */
  readonly id: string;
  /** What a new viewer gets before anything else; empty where the format has no such thing. */
  preamble(tracks: TrackPresence): Buffer;
  /** One exactly sized Buffer with all frames in order; frames that the variant leaves out add nothing. */
  encode(frames: readonly Frame[]): Buffer;
}
