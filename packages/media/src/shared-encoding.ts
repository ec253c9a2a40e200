import type { Frame } from './frame.ts';
import type { StreamFormat } from './stream-format.ts';

/** The same format, which remembers its newest run of frames: what several ask for one after the other is encoded once. */
export function sharedEncoding(format: StreamFormat): StreamFormat {
  let first: Frame | undefined;
  let last: Frame | undefined;
  let bytes: Buffer = Buffer.alloc(0);
  return {
    id: format.id,
    preamble: (tracks) => format.preamble(tracks),
    encode(frames) {
      const to = frames[frames.length - 1];
      if (frames[0] !== first || to !== last) bytes = format.encode(frames);
      first = frames[0];
      last = to;
      return bytes;
    },
  };
}
