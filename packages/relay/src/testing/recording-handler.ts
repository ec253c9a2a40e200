import type { AppError, CloseReason } from '@headwater/contracts';
import type { Frame } from '@headwater/media';
import type { OpenedInfo, PulledState } from '../pull.ts';
import type { PullHandler } from '../pull-handler.ts';

/** One call of a handler; the frames of a batch are counted, and kept in `RecordingHandler.received`. */
export type HandlerEvent =
  | { readonly type: 'opened'; readonly info: OpenedInfo }
  | { readonly type: 'frames'; readonly count: number }
  | { readonly type: 'state'; readonly state: PulledState }
  | { readonly type: 'ended'; readonly reason: CloseReason }
  | { readonly type: 'failed'; readonly error: AppError };

/** A pull handler that keeps what it hears. */
export class RecordingHandler implements PullHandler {
  readonly events: HandlerEvent[] = [];
  readonly received: Frame[] = [];
  #waiters: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];

  opened(info: OpenedInfo): void {
    this.#record({ type: 'opened', info });
  }

  frames(frames: readonly Frame[]): void {
    for (const frame of frames) this.received.push(frame);
    this.#record({ type: 'frames', count: frames.length });
  }

  state(state: PulledState): void {
    this.#record({ type: 'state', state });
  }

  ended(reason: CloseReason): void {
    this.#record({ type: 'ended', reason });
  }

  failed(error: AppError): void {
    this.#record({ type: 'failed', error });
  }

  /** The reason or error that ended the pull; undefined while it runs. */
  get result(): CloseReason | AppError | undefined {
    const last = this.events.at(-1);
    if (last?.type === 'ended') return last.reason;
    return last?.type === 'failed' ? last.error : undefined;
  }

  /** The opening, once it has come. */
  get opening(): OpenedInfo | undefined {
    return this.events.find((event) => event.type === 'opened')?.info;
  }

  /** Resolves when the condition holds; it is looked at after each call. */
  async until(isMet: () => boolean): Promise<void> {
    if (isMet()) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push({ isMet, resolve });
    });
  }

  /** Resolves when the pull has ended or failed. */
  async untilOver(): Promise<CloseReason | AppError | undefined> {
    await this.until(() => this.result !== undefined);
    return this.result;
  }

  #record(event: HandlerEvent): void {
    this.events.push(event);
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.isMet()) return true;
      waiter.resolve();
      return false;
    });
  }
}
