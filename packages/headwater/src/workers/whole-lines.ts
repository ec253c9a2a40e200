// Text of several processes on one output: each passes on whole lines only, so that none cuts through another's.
import { StringDecoder } from 'node:string_decoder';

// A line without an end is passed on in pieces of this size.
const maxLineChars = 1024 * 1024;

/** Cuts what a process writes at line ends. */
export class WholeLines {
  readonly #write: (text: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  read(bytes: Buffer): void {
    const text = this.#rest + this.#decoder.write(bytes);
    const end = text.lastIndexOf('\n') + 1;
    if (end > 0) this.#write(text.slice(0, end));
    this.#rest = text.slice(end);
    if (this.#rest.length > maxLineChars) this.end();
  }

  /** The process is gone: what it left unfinished is a line, too. */
  end(): void {
    if (this.#rest !== '') this.#write(`${this.#rest}\n`);
    this.#rest = '';
  }
}
