import type { NodeRef } from '@headwater/cluster';

/** Names one run of one node. */
export function nodeKey({ nodeId, incarnation }: NodeRef): string {
  return `${nodeId}\n${incarnation}`;
}
