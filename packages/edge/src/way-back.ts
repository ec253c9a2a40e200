// While a substitute delivers, the owner is tried now and then, beside it. Its answer decides: only a pull that joins
// what was received takes over from the substitute, and nothing of it is delivered before.
import type { Clock, StreamKey, Timer } from '@headwater/contracts';
import type { StreamRecord } from '@headwater/cluster';
import type { OpenedInfo, Pull, PullHandler } from '@headwater/relay';
import type { UpstreamTarget } from './upstream-candidates.ts';

/** What a way back needs of its upstream. */
export interface WayBackOptions {
  readonly stream: StreamKey;
  readonly clock: Clock;
  readonly random: () => number;
  readonly find: (stream: StreamKey) => Promise<StreamRecord | undefined>;
  /** The owner as a target; undefined when the record says nothing that could be pulled. */
  readonly ownerOf: (record: StreamRecord | undefined) => UpstreamTarget | undefined;
  readonly pull: (target: UpstreamTarget, handler: PullHandler) => Pull;
  readonly isWelcome: (info: OpenedInfo) => boolean;
  /** Takes the pull over; the handler that it returns hears all that follows, the opening first. */
  readonly takeOver: (target: UpstreamTarget, pull: Pull) => PullHandler;
}

const firstMs = 5_000;
const spreadMs = 5_000;

/** Tries the owner every 5 to 10 s until it takes over. `close` is idempotent, and leaves alone what was taken over. */
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
    const { stream, find, ownerOf, pull } = this.#options;
    const target = ownerOf(await find(stream));
    if (this.#isClosed) return;
    if (target === undefined) this.#wait();
    else this.#trial = pull(target, this.#handlerFor(target));
  }

  #handlerFor(target: UpstreamTarget): PullHandler {
    let heir: PullHandler | undefined;
    const giveUp = (): void => {
      this.#trial = undefined;
      this.#wait();
    };
    return {
      opened: (info) => {
        const pull = this.#trial;
        if (pull === undefined) return;
        if (this.#options.isWelcome(info)) {
          this.#trial = undefined;
          heir = this.#options.takeOver(target, pull);
          heir.opened(info);
        } else {
          pull.close();
          giveUp();
        }
      },
      frames: (frames) => {
        heir?.frames(frames);
      },
      state: (state) => {
        heir?.state(state);
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
