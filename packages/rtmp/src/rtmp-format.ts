import type { Frame, StreamFormat } from '@headwater/media';
import { encodedMessageBytes, writeMessageInto } from './chunk-writer.ts';
import { rtmpChunkSizeOut } from './limits.ts';
import { chunkStreamId, messageType, type RtmpMessage } from './message.ts';

/** What a viewer of RTMP gets. */
export interface RtmpFormatOptions {
  /** The message stream that the viewer plays on. */
  readonly messageStreamId: number;
  /** Leaves out audio or video; data always goes. Default: both. */
  readonly kinds?: { readonly audio: boolean; readonly video: boolean };
}

const nothing = Buffer.alloc(0);

/** RTMP chunks of a stream; ids `rtmp:1`, and `rtmp:1:audio`, `rtmp:1:video`, `rtmp:1:data` for what is left of it. */
export function rtmpFormat(options: RtmpFormatOptions): StreamFormat {
  const { messageStreamId, kinds = { audio: true, video: true } } = options;
  const isWanted = { audio: kinds.audio, video: kinds.video, data: true };
  return {
    id: `rtmp:${String(messageStreamId)}${variant(kinds)}`,
    preamble: () => nothing,
    encode(frames) {
      const messages: RtmpMessage[] = [];
      let bytes = 0;
      for (const frame of frames) {
        if (!isWanted[frame.kind]) continue;
        const message = frameMessage(frame, messageStreamId);
        messages.push(message);
        bytes += encodedMessageBytes(message, rtmpChunkSizeOut);
      }
      const target = Buffer.allocUnsafeSlow(bytes);
      let offset = 0;
      for (const message of messages) offset = writeMessageInto(target, offset, message, rtmpChunkSizeOut);
      return target;
    },
  };
}

const typeIds = { audio: messageType.audio, video: messageType.video, data: messageType.dataAmf0 };

/** The message that carries a frame, on our chunk stream of its kind. */
export function frameMessage(frame: Frame, messageStreamId: number): RtmpMessage {
  const { kind, timestampMs, payload } = frame;
  return { chunkStreamId: chunkStreamId[kind], typeId: typeIds[kind], messageStreamId, timestampMs, payload };
}

function variant(kinds: { readonly audio: boolean; readonly video: boolean }): string {
  if (kinds.audio) return kinds.video ? '' : ':audio';
  return kinds.video ? ':video' : ':data';
}
