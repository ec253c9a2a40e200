// What the process of an RTSP source and its owner say to each other.
import type { FrameKind } from '@headwater/media';
import type { PullOutcome } from './pull-source.ts';

/** From the process. After `failed` nothing follows. */
export type RtspProcessMessage =
  | { readonly type: 'started' }
  | {
      readonly type: 'media';
      readonly kind: FrameKind;
      readonly timestampMs: number;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'dropped'; readonly frames: number }
  | { readonly type: 'failed'; readonly outcome: PullOutcome; readonly why: string };

/** To the process: what to fetch, how many bytes of media were taken in, the end. */
export type RtspProcessOrder =
  | { readonly type: 'open'; readonly url: string }
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'close' };

/** What may be on its way to the owner before the process stops reading from the source. */
export const maxUntakenBytes: number = 8 * 1024 * 1024;
