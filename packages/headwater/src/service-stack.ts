// Services start in order and stop in reverse, so that each finds what it needs for as long as it runs.
import type { Clock, Logger } from '@headwater/contracts';
import { ServiceStartError, type Service } from './service.ts';

/** What a service may overrun the deadline by before it is given up. */
const graceMs = 1000;

/** A number of services with one life. */
export class ServiceStack {
  readonly #services: readonly Service[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #running: Service[] = [];

  constructor(services: readonly Service[], options: { readonly clock: Clock; readonly logger: Logger }) {
    this.#services = services;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /**
   * Starts all. When one fails, those before it are stopped again and a `ServiceStartError` is thrown. Stops early,
   * without an error, when `isWanted` turns false in between.
   */
  async start(isWanted: () => boolean = () => true): Promise<void> {
    for (const service of this.#services) {
      if (!isWanted()) return;
      try {
        await service.start();
      } catch (error) {
        await this.stop(0);
        throw new ServiceStartError(service.name, error);
      }
      this.#running.push(service);
    }
  }

  /** Stops what runs, last started first. False when a service failed to, or did not by the deadline. */
  async stop(deadlineMs: number): Promise<boolean> {
    const endsMs = this.#clock.nowMs() + deadlineMs;
    let isClean = true;
    for (let service = this.#running.pop(); service !== undefined; service = this.#running.pop()) {
      const leftMs = Math.max(0, endsMs - this.#clock.nowMs());
      try {
        await this.#within(service.stop(leftMs), leftMs + graceMs);
      } catch (error) {
        isClean = false;
        this.#logger.error({ service: service.name, err: error }, 'service did not stop');
      }
    }
    return isClean;
  }

  async #within(work: Promise<void>, ms: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = this.#clock.after(ms, () => reject(new Error(`no end within ${Math.round(ms)} ms`)));
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}
