// Follows the registry's event log on a connection of its own. Each entry carries the life of the log and a number without
// gaps, so that missed events are noticed however they were missed; a full listing then makes up for them.
import type { Clock, Logger, Timer } from '@headwater/contracts';
import type { Redis } from 'ioredis';
import type { JobEvent } from '../job-registry.ts';
import type { RegistryEvent } from '../stream-registry.ts';
import type { UpstreamReport } from '../upstream-reports.ts';
import { Backoff } from './backoff.ts';
import { withDeadline } from './deadline.ts';
import { decodeEntries, isEarlierId, type EventLogEntry } from './event-log-entry.ts';
import type { OccasionalWarning } from './occasional-warning.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisOutage } from './redis-outage.ts';
import { RegistryMirror, type RegistryListing } from './registry-mirror.ts';

/** A listing and the place in the log that it belongs to. */
export interface LogSnapshot extends RegistryListing {
  readonly life: string;
  readonly seq: number;
  readonly oldestId: string;
  readonly newestId: string;
}

/** What a follower is made of. */
export interface RedisEventLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly warning: OccasionalWarning;
  readonly outage: RedisOutage;
  readonly link: RedisLink;
  readonly eventsKey: string;
  readonly clockKey: string;
  readonly snapshot: (client: Redis) => Promise<LogSnapshot>;
  readonly emit: (event: RegistryEvent) => void;
  readonly reported: (report: UpstreamReport) => void;
  readonly jobChanged: (event: JobEvent) => void;
  /** After the store lost data, how long owners have to restore theirs before what is absent counts as ended. */
  readonly graceMs: number;
  readonly commandMs: number;
  /** The longest wait for events before the place in the log is checked. */
  readonly blockMs: number;
}

interface Position {
  readonly id: string;
  readonly life: string;
  readonly seq: number;
}

/** Follows the log until closed. */
export class RedisEventLog {
  readonly #options: RedisEventLogOptions;
  readonly #mirror = new RegistryMirror();
  readonly #backoff = new Backoff(50, 1_000);
  #position: Position | undefined;
  #graceEndsMs: number | undefined;
  #isClosed = false;
  #pause: { readonly timer: Timer; readonly end: () => void } | undefined;

  constructor(options: RedisEventLogOptions) {
    this.#options = options;
    void this.#follow();
  }

  close(): void {
    this.#isClosed = true;
    this.#pause?.timer.cancel();
    this.#pause?.end();
    this.#options.link.close();
  }

  async #follow(): Promise<void> {
    while (this.#isOpen()) {
      let client: Redis | undefined;
      try {
        client = await this.#options.link.ready(this.#options.blockMs);
        if (this.#position === undefined || !(await this.#isInPlace(client, this.#position))) {
          await this.#synchronise(client);
        }
        this.#backoff.reset();
        this.#options.outage.succeeded('events');
        while (this.#isOpen()) await this.#step(client);
      } catch (caught) {
        if (!this.#isOpen()) return;
        this.#options.outage.failed('events', caught);
        if (client !== undefined) this.#options.link.drop(client, caught);
        await this.#rest();
      }
    }
  }

  // Closing may come between any two steps.
  #isOpen(): boolean {
    return !this.#isClosed;
  }

  async #step(client: Redis): Promise<void> {
    const { clock } = this.#options;
    const leftMs =
      this.#graceEndsMs === undefined ? Number.POSITIVE_INFINITY : this.#graceEndsMs - clock.nowMs();
    if (leftMs <= 0) {
      await this.#synchronise(client);
      return;
    }
    const entries = await this.#read(client, Math.max(1, Math.ceil(Math.min(this.#options.blockMs, leftMs))));
    const position = this.#position;
    if (!this.#isOpen() || position === undefined) return;
    const isWhole = entries.length === 0 ? await this.#isInPlace(client, position) : this.#take(entries);
    if (!isWhole) await this.#synchronise(client);
  }

  async #read(client: Redis, blockMs: number): Promise<readonly EventLogEntry[]> {
    const { clock, eventsKey, commandMs } = this.#options;
    const id = this.#position?.id ?? '0-0';
    const reply = client.call('XREAD', 'COUNT', '500', 'BLOCK', String(blockMs), 'STREAMS', eventsKey, id);
    return decodeEntries(await withDeadline(clock, blockMs + 2 * commandMs, reply));
  }

  /** False when entries are missing before or between these; those up to the gap have been told. */
  #take(entries: readonly EventLogEntry[]): boolean {
    for (const { id, life, seq, event, report, job } of entries) {
      const position = this.#position;
      if (position?.life !== life || position.seq + 1 !== seq) return false;
      this.#position = { id, life, seq };
      if (report !== undefined) this.#options.reported(report);
      else if (job !== undefined) this.#options.jobChanged(job);
      else if (event === undefined) this.#options.warning.warn({ id }, 'registry holds an unreadable event');
      else if (this.#mirror.apply(event)) this.#options.emit(event);
    }
    return true;
  }

  /** True when the log still has what was read last, or, when nothing was, is still the same log. */
  async #isInPlace(client: Redis, position: Position): Promise<boolean> {
    const { clock, eventsKey, clockKey, commandMs } = this.#options;
    const [life, entry] = await withDeadline(
      clock,
      commandMs,
      Promise.all([client.hget(clockKey, 'life'), client.xrange(eventsKey, position.id, position.id)]),
    );
    return life === position.life && (position.id === '0-0' || entry.length === 1);
  }

  async #synchronise(client: Redis): Promise<void> {
    const { clock, snapshot, emit, graceMs, logger, commandMs, link } = this.#options;
    const before = this.#position;
    const isFirst = before === undefined;
    const listing = await withDeadline(clock, 4 * commandMs, snapshot(client));
    const isGraceOver = this.#graceEndsMs !== undefined && this.#graceEndsMs <= clock.nowMs();
    // Entries that were only trimmed away have really happened; anything else means that the store has lost data.
    const isTrimmed = before?.life === listing.life && isEarlierId(before.id, listing.oldestId);
    const isLoss = !isFirst && !isTrimmed && !isGraceOver;
    if (isLoss) this.#graceEndsMs ??= clock.nowMs() + graceMs;
    if (isGraceOver) this.#graceEndsMs = undefined;
    if (!isFirst && !isGraceOver) logger.warn({ isLoss }, 'registry events were missed; listing everything');
    const keepsAbsent = this.#graceEndsMs !== undefined;
    this.#position = { id: listing.newestId, life: listing.life, seq: listing.seq };
    for (const event of this.#mirror.merge(listing, { keepsAbsent })) {
      // What happened while there was no way to begin has to be told.
      if (!isFirst || link.hasFailed) emit(event);
    }
  }

  async #rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(this.#backoff.nextMs(), resolve);
      this.#pause = { timer, end: resolve };
    });
  }
}
