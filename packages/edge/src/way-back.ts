// While somebody delivers who is not the first choice, that one (the owner, or the region's shield) is tried now and then,
// beside it. What it brings decides: only a pull that joins what was received, and has media, takes over from the
// substitute, and nothing of it is delivered before.
import type { Clock, StreamKey, Timer } from '@headwater/contracts';
import type { StreamRecord } from '@headwater/cluster';
import type { Frame } from '@headwater/media';
import type { OpenedInfo, Pull, PullHandler } from '@headwater/relay';
import { isMedia } from './pull-position.ts';
import type { UpstreamTarget } from './upstream-target.ts';

/** What a way back needs of its upstream. */
export interface WayBackOptions {
  readonly stream: StreamKey;
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (stream: StreamKey) => Promise<StreamRecord | undefined>;
  /** Whom the stream should come from; undefined when the record says nothing that could be pulled. */
  readonly firstChoice: (record: StreamRecord | undefined) => UpstreamTarget | undefined;
  readonly pull: (target: UpstreamTarget, handler: PullHandler) => Pull;
  readonly isWelcome: (info: OpenedInfo) => boolean;
  /** Takes the pull over; the handler that it returns hears all that follows, the opening first. */
  readonly takeOver: (target: UpstreamTarget, pull: Pull) => PullHandler;
}

const firstMs = 5_000;
const spreadMs = 5_000;
// An owner that accepts and then brings nothing is no better than one that cannot be reached.
const mediaMs = 2_000;
// Headers and metadata come before the media, a handful of them.
const maxEarlyFrames = 64;

/** Tries it every 5 to 10 s until it takes over. `close` is idempotent, and leaves alone what was taken over. */
export class WayBack {
  readonly #options: WayBackOptions;
  #timer: Timer | undefined;
  #trial: Pull | undefined;
  #isClosed = false;

  constructor(options: WayBackOptions) {
    this.#options = options;
    this.#wait();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#trial?.close();
    this.#trial = undefined;
  }

  #wait(): void {
    if (this.#isClosed) return;
    const { clock, random } = this.#options;
    this.#timer = clock.after(firstMs + random() * spreadMs, () => {
      void this.#try();
    });
  }

  async #try(): Promise<void> {
    const { stream, find, firstChoice, pull } = this.#options;
    const target = firstChoice(await find(stream));
    if (this.#isClosed) return;
    if (target === undefined) this.#wait();
    else this.#trial = pull(target, this.#handlerFor(target));
  }

  #handlerFor(target: UpstreamTarget): PullHandler {
    let heir: PullHandler | undefined;
    /** What an owner said that has not delivered yet. */
    let opening: OpenedInfo | undefined;
    const early: Frame[] = [];
    const giveUp = (): void => {
      this.#timer?.cancel();
      this.#trial = undefined;
      this.#wait();
    };
    const decline = (): void => {
      this.#trial?.close();
      giveUp();
    };
    const takeOver = (info: OpenedInfo): void => {
      const pull = this.#trial;
      if (pull === undefined) return;
      this.#timer?.cancel();
      this.#trial = undefined;
      heir = this.#options.takeOver(target, pull);
      heir.opened(info);
      if (early.length > 0) heir.frames(early);
    };
    return {
      opened: (info) => {
        if (this.#trial === undefined) return;
        opening = info;
        if (!this.#options.isWelcome(info)) decline();
        else if (info.state === 'interrupted') takeOver(info);
        else this.#timer = this.#options.clock.after(mediaMs, decline);
      },
      frames: (frames) => {
        if (heir !== undefined) heir.frames(frames);
        else if (opening !== undefined && this.#trial !== undefined) {
          early.push(...frames);
          if (early.some(isMedia)) takeOver(opening);
          else if (early.length > maxEarlyFrames) decline();
        }
      },
      state: (state) => {
        if (heir !== undefined) heir.state(state);
        else if (opening !== undefined) {
          opening = { ...opening, state };
          if (state === 'interrupted') takeOver(opening);
        }
      },
      ended: (reason) => {
        if (heir === undefined) giveUp();
        else heir.ended(reason);
      },
      failed: (error) => {
        if (heir === undefined) giveUp();
        else heir.failed(error);
      },
    };
  }
}
