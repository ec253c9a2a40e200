// Finds the body in an HTTP/1.1 response, plain or in the chunked coding (RFC 9112 §7.1), without copying it.
import { ScanError } from './media-listener.ts';

/** Takes a piece of the body: `bytes[start, end)`, valid during the call only. */
export type BodyReader = (bytes: Buffer, start: number, end: number) => void;

type State = 'head' | 'plain' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'done';

const MAX_HEAD_BYTES = 16_384;
const MAX_SIZE_LINE_BYTES = 64;
const CR = 13;
const LF = 10;

/** An incremental response scanner: feed it every byte of the connection, in pieces of any size. */
export class HttpBodyScanner {
  readonly #body: BodyReader;
  #state: State = 'head';
  #line = '';
  #left = 0;
  #status = 0;
  #framingBytes = 0;

  constructor(body: BodyReader) {
    this.#body = body;
  }

  /** The response's status code; 0 until its head has arrived. */
  get status(): number {
    return this.#status;
  }

  /** Bytes that were not body: head, chunk sizes, line ends. */
  get framingBytes(): number {
    return this.#framingBytes;
  }

  /** Scans `bytes[start, end)`; throws ScanError when they cannot be a response. */
  scan(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const isBody = this.#state === 'plain' || this.#state === 'chunk-data';
      if (isBody) {
        at += this.#takeBody(bytes, at, end);
      } else {
        this.#takeFraming(bytes[at] ?? 0);
        this.#framingBytes += 1;
        at += 1;
      }
    }
  }

  #takeBody(bytes: Buffer, at: number, end: number): number {
    const take = this.#state === 'plain' ? end - at : Math.min(this.#left, end - at);
    this.#body(bytes, at, at + take);
    if (this.#state === 'chunk-data') {
      this.#left -= take;
      if (this.#left === 0) this.#state = 'chunk-end';
    }
    return take;
  }

  #takeFraming(byte: number): void {
    switch (this.#state) {
      case 'head':
        this.#takeHead(byte);
        return;
      case 'chunk-size':
        this.#takeSizeLine(byte);
        return;
      case 'chunk-end':
        if (byte === LF) this.#state = 'chunk-size';
        else if (byte !== CR) throw new ScanError('chunk without a line end');
        return;
      default:
        return;
    }
  }

  #takeHead(byte: number): void {
    this.#line += String.fromCharCode(byte);
    if (this.#line.length > MAX_HEAD_BYTES) throw new ScanError('response head too long');
    if (byte !== LF || !this.#line.endsWith('\r\n\r\n')) return;
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(this.#line)?.[1];
    if (status === undefined) throw new ScanError('not an HTTP response');
    this.#status = Number(status);
    this.#state = /^transfer-encoding:\s*chunked\s*$/im.test(this.#line) ? 'chunk-size' : 'plain';
    this.#line = '';
  }

  #takeSizeLine(byte: number): void {
    if (byte === CR) return;
    if (byte !== LF) {
      this.#line += String.fromCharCode(byte);
      if (this.#line.length > MAX_SIZE_LINE_BYTES) throw new ScanError('chunk size line too long');
      return;
    }
    const size = /^[0-9a-f]{1,8}(?=;|$)/i.exec(this.#line)?.[0];
    if (size === undefined) throw new ScanError('chunk size is no number');
    this.#line = '';
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'done' : 'chunk-data';
  }
}
