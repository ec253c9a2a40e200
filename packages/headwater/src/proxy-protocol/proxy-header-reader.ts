// Reads a PROXY header from bytes as they come, one at a time if need be. What it keeps is bounded by the longest header, and
// a first byte that begins no header is refused at once.
import { ProtocolError } from '@headwater/contracts';
import {
  decodeProxyBody,
  decodeProxyHead,
  decodeProxyLine,
  type ProxyHead,
  type ProxyHeader,
} from './proxy-header.ts';

/** A header, and what came behind it: the first bytes of the connection itself. */
export interface ProxiedStart {
  readonly header: ProxyHeader;
  readonly rest: Buffer;
}

/** What the reader waits for. */
export type ProxyReaderState = 'start' | 'line' | 'signature' | 'head' | 'body' | 'done';

const linePrefix = Buffer.from('PROXY ', 'latin1');
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The longest line of version 1, its CRLF included (section 2.1). */
export const maxLineBytes = 107;
const headBytes = 4;
/**
 * The most that may follow the head of version 2. Senders are to keep the whole header below 536 bytes; what balancers add
 * about TLS and about themselves stays far below this.
 */
export const maxBodyBytes = 2048;
const [cr, lf] = [0x0d, 0x0a];

/** Reads one header. After it, or after an error, it is not used again. */
export class ProxyHeaderReader {
  #state: ProxyReaderState = 'start';
  #head: ProxyHead | undefined;
  /** What the present state has so far. */
  #kept: Buffer = Buffer.alloc(0);

  get state(): ProxyReaderState {
    return this.#state;
  }

  /** Takes the next bytes; returns the header once it is complete. Throws `ProtocolError`. */
  read(bytes: Buffer): ProxiedStart | undefined {
    let rest = bytes;
    while (rest.length > 0) {
      const taken = this.#step(rest);
      rest = rest.subarray(taken.bytes);
      if (taken.header === undefined) continue;
      this.#state = 'done';
      return { header: taken.header, rest };
    }
    return undefined;
  }

  #step(bytes: Buffer): { readonly bytes: number; readonly header?: ProxyHeader } {
    switch (this.#state) {
      case 'start':
        this.#state = stateAfter(bytes[0]);
        return { bytes: 0 };
      case 'line':
        return this.#readLine(bytes);
      case 'signature':
        return this.#readSignature(bytes);
      case 'head':
        return this.#readHead(bytes);
      case 'body':
        return this.#readBody(bytes);
      case 'done':
        throw new Error('the header was read already');
    }
  }

  #readLine(bytes: Buffer): { readonly bytes: number; readonly header?: ProxyHeader } {
    for (const [index, byte] of bytes.entries()) {
      const place = this.#kept.length + index;
      if (place < linePrefix.length) {
        if (byte !== linePrefix[place]) throw new ProtocolError('no proxy header', place);
        continue;
      }
      const previous = index === 0 ? this.#kept.at(-1) : bytes[index - 1];
      // Neither may stand alone.
      const isEnd = byte === lf;
      if (isEnd !== (previous === cr)) throw new ProtocolError('proxy header: end of the line', place);
      if (isEnd) {
        const line = Buffer.concat([this.#kept, bytes.subarray(0, index)]).toString('latin1', 0, place - 1);
        return { bytes: index + 1, header: decodeProxyLine(line) };
      }
      if (place + 1 >= maxLineBytes) throw new ProtocolError('proxy header: line too long', place);
    }
    this.#kept = Buffer.concat([this.#kept, bytes]);
    return { bytes: bytes.length };
  }

  #readSignature(bytes: Buffer): { readonly bytes: number } {
    const taken = this.#keep(bytes, signature.length);
    const wrongAt = this.#kept.findIndex((byte, place) => byte !== signature[place]);
    if (wrongAt >= 0) throw new ProtocolError('no proxy header', wrongAt);
    if (this.#kept.length === signature.length) this.#enter('head');
    return { bytes: taken };
  }

  #readHead(bytes: Buffer): { readonly bytes: number; readonly header?: ProxyHeader } {
    const taken = this.#keep(bytes, headBytes);
    if (this.#kept.length < headBytes) return { bytes: taken };
    const head = decodeProxyHead(this.#kept);
    const { bodyBytes } = head;
    if (bodyBytes > maxBodyBytes) throw new ProtocolError('proxy header: too long', 14, { bodyBytes });
    // Nothing follows that would be waited for.
    if (bodyBytes === 0) return { bytes: taken, header: decodeProxyBody(head, Buffer.alloc(0)) };
    this.#head = head;
    this.#enter('body');
    return { bytes: taken };
  }

  #readBody(bytes: Buffer): { readonly bytes: number; readonly header?: ProxyHeader } {
    const head = this.#head;
    if (head === undefined) throw new Error('a body without its head');
    const taken = this.#keep(bytes, head.bodyBytes);
    if (this.#kept.length < head.bodyBytes) return { bytes: taken };
    return { bytes: taken, header: decodeProxyBody(head, this.#kept) };
  }

  /** Keeps what belongs to the present state, up to so many bytes in all; returns how many that were. */
  #keep(bytes: Buffer, wanted: number): number {
    const taken = bytes.subarray(0, wanted - this.#kept.length);
    this.#kept = Buffer.concat([this.#kept, taken]);
    return taken.length;
  }

  #enter(state: ProxyReaderState): void {
    this.#state = state;
    this.#kept = Buffer.alloc(0);
  }
}

function stateAfter(firstByte: number | undefined): ProxyReaderState {
  if (firstByte === linePrefix[0]) return 'line';
  if (firstByte === signature[0]) return 'signature';
  throw new ProtocolError('no proxy header', 0);
}
