import type { StreamFormat } from '@headwater/media';
import { encodeFramesItem } from './pull-item.ts';

/**
 * The relay's wire format: each batch is one `PullItem` message, encoded once for all pullers of the stream. `epoch` is
 * that of the stream's frames; pullers check it.
 */
export function relayFormat(epoch?: number): StreamFormat {
  return {
    id: 'relay',
    preamble: () => Buffer.alloc(0),
    encode: (frames) => encodeFramesItem(frames, epoch),
  };
}
