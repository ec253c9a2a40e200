const SUB_BUCKET_BITS = 6;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
const BUCKETS = (32 - SUB_BUCKET_BITS) * SUB_BUCKETS;

/** The filled buckets of a histogram: index and count, as it travels between processes. */
export type HistogramCounts = readonly (readonly [index: number, count: number])[];

/** Counts microseconds in buckets no wider than 1/64 of their value, up to 2^31 µs; adding allocates nothing. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  /** How many values were added. */
  get total(): number {
    return this.#total;
  }

  add(us: number): void {
    this.#addTo(bucketOf(us), 1);
  }

  merge(counts: HistogramCounts): void {
    for (const [index, count] of counts) this.#addTo(index, count);
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  counts(): HistogramCounts {
    const filled: [number, number][] = [];
    this.#counts.forEach((count, index) => {
      if (count > 0) filled.push([index, count]);
    });
    return filled;
  }

  /** The value in milliseconds that `share` (0–1) of all values do not exceed; NaN when there are none. */
  quantileMs(share: number): number {
    if (this.#total === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index += 1) {
      seen += this.#counts[index] ?? 0;
      if (seen >= rank) return middleOf(index) / 1000;
    }
    return Number.NaN;
  }

  #addTo(index: number, count: number): void {
    this.#counts[index] = (this.#counts[index] ?? 0) + count;
    this.#total += count;
  }
}

function bucketOf(us: number): number {
  const value = Math.min(Math.max(0, Math.round(us)), 0x7fffffff);
  if (value < SUB_BUCKETS) return value;
  const shift = 31 - Math.clz32(value) - SUB_BUCKET_BITS;
  return (shift + 1) * SUB_BUCKETS + ((value >>> shift) - SUB_BUCKETS);
}

function middleOf(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const shift = Math.floor(index / SUB_BUCKETS) - 1;
  const lowest = (SUB_BUCKETS + (index % SUB_BUCKETS)) * 2 ** shift;
  return lowest + (2 ** shift - 1) / 2;
}
