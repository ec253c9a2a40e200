// The batches that a fan-out made lately, numbered without gaps. A viewer's position is a number into it; nothing is
// queued for anyone. It keeps what the one furthest behind has yet to get, and no more than a viewer may lie behind before
// it is made to jump.

/** A run of frames as every viewer of one format gets it. */
export interface Batch {
  readonly bytes: Buffer;
  /** Position of the batch's first byte since the fan-out began: the difference of two is a backlog. */
  readonly offset: number;
  readonly lastSequence: number;
  readonly flushedAtMs: number;
}

/** How much a `BatchLog` keeps; `append` always keeps the newest batch. */
export interface BatchLogLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Bounded, numbered history of batches. Appending and trimming are O(1) amortised. */
export class BatchLog {
  readonly #limits: BatchLogLimits;
  #batches: (Batch | undefined)[] = [];
  #first = 0; // index into #batches of the oldest kept
  #tail = 0; // its number
  #endOffset = 0;

  constructor(limits: BatchLogLimits) {
    this.#limits = limits;
  }

  /** Number of the oldest batch that is still kept. */
  get tail(): number {
    return this.#tail;
  }

  /** Number that the next batch will get. */
  get head(): number {
    return this.#tail + this.#batches.length - this.#first;
  }

  /** Bytes of all batches ever appended. */
  get endOffset(): number {
    return this.#endOffset;
  }

  append(bytes: Buffer, lastSequence: number, nowMs: number): void {
    this.#batches.push({ bytes, offset: this.#endOffset, lastSequence, flushedAtMs: nowMs });
    this.#endOffset += bytes.length;
    while (this.head - this.#tail > 1 && this.#isOverLimits(nowMs)) this.#dropOldest();
  }

  /** Drops the batches below that number: nobody needs them any more. */
  dropBefore(number: number): void {
    while (this.#tail < Math.min(number, this.head)) this.#dropOldest();
  }

  /** The batch with that number; undefined when it was dropped or is not made yet. */
  get(number: number): Batch | undefined {
    return number < this.#tail ? undefined : this.#batches[this.#first + number - this.#tail];
  }

  #isOverLimits(nowMs: number): boolean {
    const oldest = this.#batches[this.#first];
    if (oldest === undefined) return false;
    return (
      this.#endOffset - oldest.offset > this.#limits.maxBytes ||
      nowMs - oldest.flushedAtMs > this.#limits.maxAgeMs
    );
  }

  #dropOldest(): void {
    this.#batches[this.#first] = undefined;
    this.#first++;
    this.#tail++;
    if (this.#first > 64 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first);
      this.#first = 0;
    }
  }
}
