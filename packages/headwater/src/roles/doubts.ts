import type { NodeRole } from '@headwater/cluster';

/** How a node stands with those who have to know of it and of whom it has to know. */
export interface NodeDoubtParts {
  readonly roles: readonly NodeRole[];
  /** The registry has heard nothing of the node for most of its lease. */
  readonly isUnheard: boolean;
  /** What the node knows of the others may be out of date. */
  readonly isStale: boolean;
}

/** What those who send somebody to a node may want to know although it is ready. Sentences without their dots. */
export function doubtsOf({ roles, isUnheard, isStale }: NodeDoubtParts): readonly string[] {
  const isOnlyRouter = roles.every((role) => role === 'router');
  const doubts: string[] = [];
  // Nobody looks for a router there.
  if (isUnheard && !isOnlyRouter) {
    const effect = roles.includes('origin')
      ? 'new streams are found by nobody before it has'
      : 'others may take it for gone';
    doubts.push(`the registry has not heard of this node for most of its lease: ${effect}`);
  }
  if (isStale && roles.includes('router')) {
    doubts.push('nothing is heard of the other nodes: viewers are sent by what was known last');
  }
  return doubts;
}
