import type { StreamFormat } from '@headwater/media';

/** What a viewer of RTMP gets. */
export interface RtmpFormatOptions {
  /** The message stream that the viewer plays on. */
  readonly messageStreamId: number;
  /** Leaves out audio or video; data always goes. Default: both. */
  readonly kinds?: { readonly audio: boolean; readonly video: boolean };
}

/** RTMP chunks of a stream, ids `rtmp:1`, `rtmp:1:audio`, `rtmp:1:video`, `rtmp:1:data`. */
export function rtmpFormat(options: RtmpFormatOptions): StreamFormat {
  void options;
  throw new Error('not implemented');
}
