import type { AppError, CloseReason } from '@headwater/contracts';
import type { Frame } from '@headwater/media';
import type { OpenedInfo } from '@headwater/relay';
import type { LoopRelay } from './loop-relay.ts';
import { key } from './origin-rig.ts';

/** Pulls as an edge does, and keeps what comes. */
export class TestPuller {
  readonly frames: Frame[] = [];
  readonly heard: string[] = [];
  opened: OpenedInfo | undefined;
  refusedWith: AppError | undefined;

  constructor(
    relay: LoopRelay,
    address: string,
    from: { minEpoch?: number; resume?: { epoch: number; sequence: number } } = {},
  ) {
    relay.pull(
      address,
      { stream: key, ...from },
      {
        opened: (info) => (this.opened = info),
        frames: (frames) => this.frames.push(...frames),
        state: (state) => this.heard.push(state),
        ended: (reason: CloseReason) => this.heard.push(reason),
        failed: (error) => (this.refusedWith = error),
      },
    );
  }

  /** The media of what came, headers and metadata left out. */
  get media(): Frame[] {
    return this.frames.filter(({ role }) => role === 'keyframe' || role === 'media');
  }
}
