// What a test and the process of its good stream say to each other.
import type { ViewerReport } from './good-stream-ledger.ts';

/** Where the good stream goes. */
export interface GoodStreamOptions {
  readonly rtmp: { readonly host: string; readonly port: number };
  /** Without it there is no HTTP-FLV viewer. */
  readonly http?: { readonly host: string; readonly port: number };
  readonly app: string;
  readonly name: string;
  /** Parameters of publish and play, with the question mark. */
  readonly query?: string;
}

/** What the process answers when asked. */
export interface GoodStreamReport {
  readonly viewers: Readonly<Record<string, ViewerReport>>;
  readonly publisherClosed: boolean;
  /** Longest time that this process itself did not run: gaps up to it are not the server's. */
  readonly ownStallMs: number;
}
