// Edges see a dead origin long before its lease runs out: their pulls break. They say so here, and controllers look at
// once. A report is a hint, nothing more: it may be lost, repeated, late or wrong, and is never evidence by itself.
// Implementations pass the suite in `testing/upstream-reports-conformance.ts`.
import type { NodeRef } from './node-record.ts';
import type { Watch } from './stream-registry.ts';

/** `broken`: the connection failed or could not be made. `stalled`: it stands, and nothing arrives. */
export type UpstreamLoss = 'broken' | 'stalled';

/** An edge lost what it pulled from a node. */
export interface UpstreamReport {
  /** The owner that the edge pulled from. */
  readonly node: NodeRef;
  readonly loss: UpstreamLoss;
  /** The node that says so. */
  readonly reporter: string;
}

/** The way of reports from edges to controllers. */
export interface UpstreamReports {
  /** Tells every watcher. May reject with `registry_unavailable`. */
  report(report: UpstreamReport): Promise<void>;
  /** Hears every report from now on. Listeners must not throw. */
  watch(listener: (report: UpstreamReport) => void): Watch;
  /** Rejects all further reports; watchers hear nothing more. Twice does nothing. */
  close(): Promise<void>;
}
