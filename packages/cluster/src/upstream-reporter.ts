// An edge that loses an origin loses a thousand streams in one moment: one report says it all.
import { toAppError, type Clock, type Logger } from '@headwater/contracts';
import type { NodeRef } from './node-record.ts';
import type { UpstreamLoss, UpstreamReports } from './upstream-reports.ts';

/** What a reporter is made of. */
export interface UpstreamReporterOptions {
  readonly reports: UpstreamReports;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who reports. */
  readonly nodeId: string;
  /** The shortest time between two reports of one node; default 1 s. */
  readonly pauseMs?: number;
}

/** How many nodes' last reports are remembered; beyond, the oldest are forgotten and may be repeated early. */
const maxRemembered = 1_000;

/** Reports lost upstreams: at most one of a node and run in a second. Never throws and is never waited for. */
export class UpstreamReporter {
  readonly #options: UpstreamReporterOptions;
  readonly #pauseMs: number;
  readonly #reportedMs = new Map<string, number>();

  constructor(options: UpstreamReporterOptions) {
    this.#options = options;
    this.#pauseMs = options.pauseMs ?? 1_000;
  }

  lost(node: NodeRef, loss: UpstreamLoss): void {
    const { reports, clock, logger, nodeId } = this.#options;
    const key = `${node.nodeId} ${node.incarnation}`;
    const nowMs = clock.nowMs();
    const lastMs = this.#reportedMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < this.#pauseMs) return;
    this.#remember(key, nowMs);
    const { incarnation } = node;
    reports
      .report({ node: { nodeId: node.nodeId, incarnation }, loss, reporter: nodeId })
      .catch((caught: unknown) => {
        logger.debug({ err: toAppError(caught), node: node.nodeId }, 'lost upstream could not be reported');
      });
  }

  #remember(key: string, nowMs: number): void {
    this.#reportedMs.delete(key);
    this.#reportedMs.set(key, nowMs);
    if (this.#reportedMs.size <= maxRemembered) return;
    for (const oldest of this.#reportedMs.keys()) {
      this.#reportedMs.delete(oldest);
      return;
    }
  }
}
