import type { Edge } from '@headwater/edge';
import type { WorkerCrew } from '../workers/worker-crew.ts';

/** The viewers of a node, in whichever of its processes they are. An edge is one; so are all workers together. */
export interface Audience {
  readonly viewers: { readonly size: number };
  /** Media bytes written to all of them, those that are gone included. */
  readonly bytesWritten: number;
  /** Takes no new ones. */
  drain(): void;
}

/** Who watches at a node: its workers have all viewers, where there are any. */
export function audienceOf(edge: Edge | undefined, crew: WorkerCrew | undefined): Audience | undefined {
  if (crew === undefined) return edge;
  return {
    get viewers() {
      return crew.viewers;
    },
    get bytesWritten() {
      return crew.view.bytesWritten;
    },
    drain: () => {
      edge?.drain();
      crew.drain();
    },
  };
}
