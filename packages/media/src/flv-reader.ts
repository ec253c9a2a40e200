// An incremental FLV demultiplexer: any split of the bytes gives the same tags.
import type { FlvTag } from './flv-format.ts';

/** Bounds of a reader. */
export interface FlvReaderOptions {
  /** The largest tag body accepted; 10 MiB unless told. */
  readonly maxTagBytes?: number;
}

/** Reads one FLV byte stream. After an error every further read throws that error again. */
export class FlvReader {
  constructor(options: FlvReaderOptions = {}) {
    throw new Error(`not built yet ${String(options.maxTagBytes)}`);
  }

  /** Hands out every tag that these bytes complete. Throws `ProtocolError` with the offset in the whole stream. */
  read(bytes: Buffer, onTag: (tag: FlvTag) => void): void {
    throw new Error(`not built yet ${bytes.length.toString()} ${onTag.name}`);
  }
}
