// What the bench's main process and its load processes say to each other.
import type { JoinReport, WindowReport } from './fleet-stats.ts';
import type { StreamRate } from './synthetic-stream.ts';

/** To a viewer process. */
export type ViewersCommand =
  | { readonly do: 'join'; readonly viewers: number; readonly joinsPerSecond: number }
  | { readonly do: 'begin' }
  | { readonly do: 'end' };

/** From a viewer process. */
export type ViewersAnswer =
  | { readonly done: 'ready' }
  | { readonly done: 'join'; readonly report: JoinReport }
  | { readonly done: 'begin' }
  | { readonly done: 'end'; readonly report: WindowReport };

/** From the publisher process. */
export type PublisherAnswer =
  { readonly done: 'published' } | { readonly done: 'failed'; readonly reason: string };

/** Where the publisher sends its stream. */
export interface PublishTarget {
  readonly host: string;
  readonly port: number;
  readonly app: string;
  readonly name: string;
  readonly rate: StreamRate;
}
