// What a session says, gathered so that all replies to one read leave in one write: a client that waits for the last of
// them then never waits for a delayed acknowledgement in between.
import type { AmfValue } from './amf-value.ts';
import { encodeMessage } from './chunk-writer.ts';
import { encodeCommand } from './commands.ts';
import { encodeControlMessage, type ControlMessage } from './control-message.ts';
import { initialChunkSize } from './limits.ts';
import type { RtmpMessage } from './message.ts';
import { statusObject, type RtmpStatus } from './status.ts';

/** Where the output goes, and what bounds it. */
export interface SessionOutputOptions {
  readonly write: (bytes: Buffer) => void;
  /** What the transport still holds of all that was written, by this session and beside it. */
  readonly pendingBytes: () => number;
  /** How much of what this output wrote the peer may leave unread. */
  readonly maxUnreadBytes: number;
}

/** Queues messages as chunks with format 0 headers, so that others may write to the transport between two flushes. */
export class SessionOutput {
  readonly #options: SessionOutputOptions;
  #parts: Buffer[] = [];
  #queuedBytes = 0;
  /** What was queued since the transport last held less than the limit. */
  #unreadBytes = 0;
  #chunkSize = initialChunkSize;
  #isClosed = false;

  constructor(options: SessionOutputOptions) {
    this.#options = options;
  }

  /** True when the peer reads so slowly that nothing more should be said to it. */
  get isStalled(): boolean {
    return Math.max(this.#unreadBytes, this.#queuedBytes) > this.#options.maxUnreadBytes;
  }

  raw(bytes: Buffer): void {
    if (this.#isClosed) return;
    this.#parts.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  message(message: RtmpMessage): void {
    this.raw(encodeMessage(message, this.#chunkSize));
  }

  control(control: ControlMessage): void {
    this.message(encodeControlMessage(control));
    if (control.kind === 'setChunkSize') this.#chunkSize = control.chunkSize;
  }

  /** A call without reply wanted, or with transaction id given a reply, on a message stream (0: the connection). */
  command(name: string, transactionId: number, args: readonly AmfValue[], messageStreamId = 0): void {
    this.message(encodeCommand({ name, transactionId, args }, messageStreamId));
  }

  /** `onStatus` on a message stream, with further properties if need be. */
  status(messageStreamId: number, status: RtmpStatus, more: Readonly<Record<string, AmfValue>> = {}): void {
    this.command('onStatus', 0, [null, statusObject(status, more)], messageStreamId);
  }

  /** Hands all that is queued to the transport in one piece. */
  flush(): void {
    const [first] = this.#parts;
    if (first === undefined) return;
    const bytes = this.#parts.length === 1 ? first : Buffer.concat(this.#parts, this.#queuedBytes);
    this.#parts = [];
    this.#queuedBytes = 0;
    this.#count(bytes.length);
    // A peer that stalled has had its chance: what it does not read is not kept for it.
    if (!this.isStalled) this.#options.write(bytes);
  }

  /** Flushes; nothing is written any more. */
  close(): void {
    this.flush();
    this.#isClosed = true;
  }

  #count(bytes: number): void {
    if (this.#options.pendingBytes() <= this.#options.maxUnreadBytes) this.#unreadBytes = 0;
    else this.#unreadBytes += bytes;
  }
}
