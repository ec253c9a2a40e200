// What a node with several origins and the processes of these say to each other, beside what all workers say.
import type { Config, JobView, NodeListView, PullJob, SessionView, StreamView } from '@headwater/contracts';
import type { NodeRef } from '@headwater/cluster';
import type { MetricValues } from '../prometheus-metrics.ts';

/** All that the process of an origin is told. */
export interface OriginSetup {
  /** Whole, with the registry's password and the keys for publishing: an origin decides about publishers by itself. */
  readonly config: Config;
  readonly node: NodeRef;
  readonly version: string;
  /** Where the ports are that it does not have itself, `host:port`. */
  readonly addresses: { readonly rtmp: string; readonly admin: string };
}

/** How an origin is. */
export interface OriginState {
  readonly publishers: number;
  /** Why publishers should rather be sent elsewhere. */
  readonly reasons: readonly string[];
  readonly doubts: readonly string[];
  /** A drain has ended. */
  readonly isDrained: boolean;
}

/** What the node asks an origin: argument and answer. */
export interface OriginQuestions {
  readonly sessions: { readonly argument: undefined; readonly answer: readonly SessionView[] };
  readonly streams: { readonly argument: undefined; readonly answer: readonly StreamView[] };
  readonly nodes: { readonly argument: undefined; readonly answer: NodeListView };
  readonly metrics: { readonly argument: undefined; readonly answer: MetricValues };
  readonly kick: { readonly argument: string; readonly answer: boolean };
  readonly jobs: { readonly argument: undefined; readonly answer: readonly JobView[] };
  readonly addJob: {
    readonly argument: PullJob;
    readonly answer: { readonly isNew: boolean; readonly job: JobView };
  };
  readonly removeJob: { readonly argument: string; readonly answer: boolean };
}
