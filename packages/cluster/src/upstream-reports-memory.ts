/* eslint-disable @typescript-eslint/require-await -- async turns every throw into a rejection, as callers expect */
import { AppError, silentLogger, type Logger } from '@headwater/contracts';
import type { Watch } from './stream-registry.ts';
import type { UpstreamReport, UpstreamReports } from './upstream-reports.ts';

/** `UpstreamReports` within one process. Watchers hear a report in the microtask after it was made. */
export class MemoryUpstreamReports implements UpstreamReports {
  readonly #logger: Logger;
  readonly #listeners = new Set<{ readonly listener: (report: UpstreamReport) => void }>();
  #isClosed = false;

  constructor(options: { readonly logger?: Logger } = {}) {
    this.#logger = options.logger ?? silentLogger;
  }

  async report(report: UpstreamReport): Promise<void> {
    if (this.#isClosed) {
      throw new AppError('registry_unavailable', { details: { what: 'reports are closed' } });
    }
    const heardBy = [...this.#listeners];
    queueMicrotask(() => {
      for (const entry of heardBy) if (this.#listeners.has(entry)) this.#call(entry.listener, report);
    });
  }

  watch(listener: (report: UpstreamReport) => void): Watch {
    const entry = { listener };
    this.#listeners.add(entry);
    return { close: () => void this.#listeners.delete(entry) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
  }

  #call(listener: (report: UpstreamReport) => void, report: UpstreamReport): void {
    try {
      listener(report);
    } catch (err) {
      this.#logger.error({ err }, 'listener of upstream reports threw');
    }
  }
}
