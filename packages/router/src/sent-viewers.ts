// What this router has sent to an edge and the edge has not reported yet. Without it a burst between two heartbeats would go
// to one edge. What was sent counts from then to the end of the report after the next: the next one may have been measured
// before the viewer was there. So it is bounded in time, and a viewer that never arrived is soon forgotten.
import type { NodeLoad, NodeRecord } from '@headwater/cluster';

// Where reports stay away. Viewers stay, so what was sent since is halved by the next turn at the earliest.
const turnMs = 10_000;
const maxNodes = 8_192;

interface Sent {
  incarnation: string;
  report: NodeLoad;
  now: number;
  before: number;
  turnedMs: number;
}

/** The viewers sent to each edge of late. */
export class SentViewers {
  readonly #sent = new Map<string, Sent>();

  /** Takes in the newest reports at a time of the router's clock; edges that are gone are forgotten. */
  turn(edges: readonly NodeRecord[], nowMs: number): void {
    const kept = new Set<string>();
    for (const { nodeId, incarnation, load } of edges.slice(0, maxNodes)) {
      kept.add(nodeId);
      const sent = this.#sent.get(nodeId);
      if (sent?.incarnation !== incarnation) {
        this.#sent.set(nodeId, { incarnation, report: load, now: 0, before: 0, turnedMs: nowMs });
      } else if (!isSameReport(sent.report, load) || nowMs - sent.turnedMs >= turnMs) {
        sent.report = load;
        sent.before = sent.now;
        sent.now = 0;
        sent.turnedMs = nowMs;
      }
    }
    for (const nodeId of this.#sent.keys()) if (!kept.has(nodeId)) this.#sent.delete(nodeId);
  }

  /** One more viewer was sent to an edge. */
  add(nodeId: string): void {
    const sent = this.#sent.get(nodeId);
    if (sent !== undefined) sent.now++;
  }

  /** Viewers sent to an edge that may not be in its report. */
  count(nodeId: string): number {
    const sent = this.#sent.get(nodeId);
    return sent === undefined ? 0 : sent.now + sent.before;
  }
}

// CPU time is measured so finely that two reports do not have the same.
function isSameReport(a: NodeLoad, b: NodeLoad): boolean {
  return a.cpu === b.cpu && a.viewers === b.viewers && a.egressBitsPerSecond === b.egressBitsPerSecond;
}
