// What the bench's main process and its publishers' process say to each other.
import type { DialogueGoal } from '../load/rtmp-dialogue.ts';
import type { StreamRate } from '../load/synthetic-stream.ts';

/** Where the publishers send; their streams are the name with a number behind it. */
export interface PublishersTarget extends Pick<DialogueGoal, 'host' | 'port' | 'app' | 'name'> {
  readonly rate: StreamRate;
  readonly publishers: number;
  /** How many begin each second. */
  readonly startsPerSecond: number;
}

/** To the publishers' process. */
export interface PublishersCommand {
  readonly do: 'begin' | 'end';
}

/** What was sent in the window, by all publishers together. */
export interface PublishersReport {
  readonly bytes: number;
  readonly messages: number;
  /** Written, but not taken by the kernel at the window's end. */
  readonly unsentBytes: number;
  readonly disconnects: number;
  readonly ownCpuShare: number;
  /** The longest that a message left after its time. */
  readonly worstDelayMs: number;
}

/** From the publishers' process. */
export type PublishersAnswer =
  | { readonly done: 'published' }
  | { readonly done: 'failed'; readonly reason: string }
  | { readonly done: 'begin' }
  | { readonly done: 'end'; readonly report: PublishersReport };
