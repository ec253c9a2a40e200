/** What a crowd process is started with. */
export interface CrowdTarget {
  /** RTMP addresses of the origins, `host:port`. */
  readonly origins: readonly string[];
  /** HTTP addresses of the edges, `host:port`. */
  readonly edges: readonly string[];
  readonly streams: number;
}

/** What a crowd process can be asked to do; it answers each with a state. */
export type CrowdCommand =
  | { readonly do: 'publish' }
  /** Lets viewers join until there are so many; each watches one of the first `streams` streams. */
  | { readonly do: 'watch'; readonly viewers: number; readonly streams: number }
  | { readonly do: 'report' };

/** How a crowd is. */
export interface CrowdState {
  /** Publishers that send. */
  readonly publishing: number;
  /** Attempts to publish that were refused or broke off, by the last that the server said. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Viewers that get frames. */
  readonly watching: number;
  /** Viewers whose connection ended. */
  readonly disconnects: number;
  /** How long publishers that lost their origin took to publish again, each. */
  readonly returnedMs: readonly number[];
  /** The longest pause of each viewer's stream since the last report, where above a second more than usual. */
  readonly gapsMs: readonly number[];
}

/** `app/name` of a stream of the crowd. */
export function crowdStream(index: number): string {
  return `live/s${String(index)}`;
}
