import type { LiveStream } from '@headwater/media';

/** A stream of one epoch that pulls can be answered from, whoever owns it. */
export interface ServedStream {
  readonly epoch: number;
  /** `interrupted`: nothing comes at the moment; what there is can still be had. */
  readonly state: 'live' | 'interrupted' | 'ended';
  readonly live: LiveStream;
  /**
   * True while whoever comes from an earlier epoch is to begin with the first frame of this one, and not with its newest
   * keyframe: a backup that took over has gone on where the stream broke off.
   */
  readonly startsAtFirst?: boolean;
}
