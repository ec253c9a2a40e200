// A database in MaxMind's format that the operator provides: where an address is. It is read again when its file has changed,
// and kept as it is when what is there now cannot be read.
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { GeoPoint } from '@headwater/cluster';
import type { Clock, Counter, Gauge, Logger, Metrics, Timer } from '@headwater/contracts';
import { Reader, type CityResponse } from 'mmdb-lib';

/** What a database needs. */
export interface GeoDatabaseOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How often the file is looked at. */
  readonly periodMs?: number;
}

/** Where an address is, as far as its record says: a zone of the cluster, or a point. */
export type GeoFinding =
  { readonly zone: string; readonly region: string | undefined } | { readonly coordinates: GeoPoint };

const defaultPeriodMs = 5_000;
/** A database of all cities is some 60 MB. */
const maxBytes = 1024 ** 3;
/** Zeros between the search tree and the records. */
const separatorBytes = 16;

/** Looks addresses up. Opened and closed once. */
export class GeoDatabase {
  readonly #options: GeoDatabaseOptions;
  readonly #reads: Counter;
  readonly #built: Gauge;
  #reader: Reader<CityResponse> | undefined;
  /** Which state of the file was looked at last, whether it could be read or not. */
  #seen = '';
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: GeoDatabaseOptions) {
    this.#options = options;
    this.#reads = options.metrics.counter({
      name: 'headwater_router_geo_reads_total',
      help: 'Readings of the database of addresses, by result.',
      labels: ['result'],
    });
    this.#built = options.metrics.gauge({
      name: 'headwater_router_geo_built_timestamp_seconds',
      help: 'When the database of addresses that is in use was built; 0 while there is none.',
    });
    this.#built.set(0);
  }

  /** Reads the file, and looks at it from then on. Resolves after the first try. */
  async open(): Promise<void> {
    await this.#look();
  }

  /** Where an address is; undefined where the database does not say, or there is none. Never throws. */
  find(address: string): GeoFinding | undefined {
    // Not every database has IPv4 where mapped addresses are.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const version = isIP(plain);
    if (this.#reader === undefined || version === 0) return undefined;
    // The reader would take the first bits of a longer address for an IPv4 address.
    if (version > this.#reader.metadata.ipVersion) return undefined;
    try {
      return findingOf(this.#reader.get(plain));
    } catch (caught) {
      // The tree was sound, a record of it is not: what can be read goes on being read.
      this.#reads.add(1, { result: 'record_broken' });
      this.#options.logger.debug({ err: caught, address }, 'a record of the database of addresses is broken');
      return undefined;
    }
  }

  /** Looks at the file no more; what was read can still be used. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { path, clock, periodMs = defaultPeriodMs } = this.#options;
    // A file is replaced by renaming over it, and what it may be read by is changed: either shows here.
    const state = await stat(path).then(
      ({ mtimeMs, ctimeMs, size, ino }) => `${mtimeMs} ${ctimeMs} ${size} ${ino}`,
      (caught: unknown) => String(caught),
    );
    if (state !== this.#seen) {
      this.#seen = state;
      await this.#read().catch((caught: unknown) => {
        this.#failed(caught);
      });
    }
    if (this.#isClosed) return;
    this.#timer = clock.after(periodMs, () => void this.#look());
  }

  async #read(): Promise<void> {
    const { path, logger } = this.#options;
    const { size } = await stat(path);
    if (size > maxBytes) throw new Error(`${size} bytes are more than the ${maxBytes} that are read`);
    const bytes = await readFile(path);
    const reader = new Reader<CityResponse>(bytes);
    const { buildEpoch, databaseType, nodeCount, searchTreeSize } = reader.metadata;
    // The file ends with what it says of itself, so that part alone proves nothing of the others.
    const separator = bytes.subarray(searchTreeSize, searchTreeSize + separatorBytes);
    if (separator.length < separatorBytes || separator.some((byte) => byte !== 0)) {
      throw new Error('the search tree does not end where it should');
    }
    const built = buildEpoch.toISOString();
    this.#reader = reader;
    this.#reads.add(1, { result: 'read' });
    this.#built.set(buildEpoch.getTime() / 1_000);
    logger.info({ path, databaseType, built, nodeCount }, 'database of addresses is read');
  }

  #failed(caught: unknown): void {
    const { path, logger } = this.#options;
    this.#reads.add(1, { result: 'failed' });
    const isOlderKept = this.#reader !== undefined;
    logger.warn({ err: caught, path, isOlderKept }, 'database of addresses cannot be read');
  }
}

/** Reads GeoIP2's `location`, or `zone` and `region` as an operator's own database may have them. */
function findingOf(record: unknown): GeoFinding | undefined {
  const { zone, region, location } = fieldsOf(record);
  if (typeof zone === 'string' && zone !== '') {
    return { zone, region: typeof region === 'string' ? region : undefined };
  }
  const { latitude, longitude } = fieldsOf(location);
  if (typeof latitude !== 'number' || typeof longitude !== 'number') return undefined;
  return { coordinates: { latitude, longitude } };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
