import { AppError, type Logger } from '@headwater/contracts';
import type { Watch } from '../stream-registry.ts';
import type { UpstreamReport, UpstreamReports } from '../upstream-reports.ts';
import type { RunScript } from './redis-failover.ts';
import { encodeReport } from './record-codec.ts';

type Listener = (report: UpstreamReport) => void;

/** `UpstreamReports` by the event log of a `RedisStreamRegistry`, which makes it and outlives it. */
export class RedisUpstreamReports implements UpstreamReports {
  readonly #run: RunScript;
  readonly #follow: () => void;
  readonly #logger: Logger;
  readonly #listeners = new Set<{ readonly listener: Listener }>();
  #isClosed = false;

  constructor(options: {
    readonly run: RunScript;
    /** Makes sure that the log is followed. */
    readonly follow: () => void;
    readonly logger: Logger;
  }) {
    this.#run = options.run;
    this.#follow = options.follow;
    this.#logger = options.logger;
  }

  async report(report: UpstreamReport): Promise<void> {
    if (this.#isClosed) {
      throw new AppError('registry_unavailable', { details: { what: 'reports are closed' } });
    }
    await this.#run('report-upstream', [encodeReport(report)]);
  }

  watch(listener: Listener): Watch {
    this.#follow();
    const entry = { listener };
    this.#listeners.add(entry);
    return { close: () => void this.#listeners.delete(entry) };
  }

  /** Tells the watchers of a report that the log holds. */
  heard(report: UpstreamReport): void {
    for (const { listener } of [...this.#listeners]) {
      try {
        listener(report);
      } catch (err) {
        this.#logger.error({ err }, 'listener of upstream reports threw');
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    return Promise.resolve();
  }
}
