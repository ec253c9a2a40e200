// What an RTSP worker and its owner say to each other. Payloads are transferred, not copied.
import type { FrameKind } from '@headwater/media';
import type { PullOutcome } from './pull-source.ts';

/** What a worker is started with. */
export interface RtspWorkerData {
  readonly url: string;
}

/** From the worker. After `failed` nothing follows. */
export type RtspWorkerMessage =
  | { readonly type: 'started' }
  | {
      readonly type: 'media';
      readonly kind: FrameKind;
      readonly timestampMs: number;
      readonly payload: ArrayBuffer;
    }
  | { readonly type: 'dropped'; readonly frames: number }
  | { readonly type: 'failed'; readonly outcome: PullOutcome; readonly why: string };

/** To the worker: bytes of media that were taken in, or the end. */
export type RtspWorkerOrder = { readonly type: 'taken'; readonly bytes: number } | { readonly type: 'close' };

/** What may be on its way to the owner before the worker stops reading from the source. */
export const maxUntakenBytes: number = 8 * 1024 * 1024;
