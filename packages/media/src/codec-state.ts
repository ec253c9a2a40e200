// What a late viewer must have before the first frame: the last metadata and every track's configuration.
import type { Frame } from './frame.ts';
import type { TrackPresence } from './stream-format.ts';

/** Collects the headers of one session. Bounded in count and bytes whatever is sent. */
export class CodecState {
  /** Which kinds of media were seen. A fresh object after each change. */
  get tracks(): TrackPresence {
    throw new Error('not built yet');
  }

  /** Codecs of the default tracks, video first, e.g. `['avc1', 'mp4a']`. */
  get codecs(): readonly string[] {
    throw new Error('not built yet');
  }

  /**
   * Looks at every frame of the session in order. True when a default track got another configuration than before: media
   * cached so far does not go with the new headers.
   */
  accept(frame: Frame): boolean {
    throw new Error(`not built yet ${frame.sequence.toString()}`);
  }

  /** Metadata, then video headers, then audio headers, all with the given time. */
  headers(atTimestampMs: number): Frame[] {
    throw new Error(`not built yet ${atTimestampMs.toString()}`);
  }

  /** Forgets everything: a new session begins. */
  clear(): void {
    throw new Error('not built yet');
  }
}
