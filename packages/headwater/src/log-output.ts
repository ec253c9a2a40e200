// Writes the log to a file descriptor without ever holding up the event loop: one asynchronous write at a time, the lines
// that come meanwhile together in the next. A reader that is slow costs lines, one that is gone costs all further ones.
import { write } from 'node:fs';

/** What waits for a reader; lines beyond it are dropped and counted. */
const maxQueuedChars = 4 * 1024 * 1024;
const retryMs = 50;

/** The end of the log's way. */
export class LogOutput {
  readonly #fd: number;
  #queue: string[] = [];
  #queuedChars = 0;
  #dropped = 0;
  #isWriting = false;
  #isBroken = false;
  readonly #idle: (() => void)[] = [];

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Queues text that ends with a line feed. */
  write(text: string): void {
    if (this.#isBroken) return;
    if (this.#queuedChars + text.length > maxQueuedChars) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(text);
    this.#queuedChars += text.length;
    if (!this.#isWriting) this.#writeQueued();
  }

  /** Resolves when everything is written, or nobody reads any more, or after `deadlineMs`. */
  async drained(deadlineMs: number): Promise<void> {
    if (!this.#isWriting) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #writeQueued(): void {
    if (this.#dropped > 0) {
      this.#queue.push(
        `${JSON.stringify({ level: 'warn', msg: 'log lines were dropped', dropped: this.#dropped })}\n`,
      );
    }
    this.#dropped = 0;
    const bytes = Buffer.from(this.#queue.join(''));
    this.#queue = [];
    this.#queuedChars = 0;
    this.#isWriting = bytes.length > 0;
    if (this.#isWriting) this.#write(bytes);
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  #write(bytes: Buffer): void {
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#write(bytes), retryMs).unref();
      } else if (error !== null) {
        this.#isBroken = true;
        this.#queue = [];
        this.#writeQueued();
      } else if (written < bytes.length) {
        this.#write(bytes.subarray(written));
      } else {
        this.#writeQueued();
      }
    });
  }
}
