import type { Sink } from '../sink.ts';

/** A sink that keeps what it is given and can be told to stop taking it. */
export class RecordingSink implements Sink {
  readonly writes: Buffer[] = [];
  /** While set, everything written counts as pending: a peer that does not read. */
  isBlocked = false;
  #pendingBytes = 0;

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  write(bytes: Buffer): void {
    this.writes.push(bytes);
    if (this.isBlocked) this.#pendingBytes += bytes.length;
  }

  /** The peer reads again: nothing is pending any more. */
  drain(): void {
    this.isBlocked = false;
    this.#pendingBytes = 0;
  }
}
