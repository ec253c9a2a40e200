import { createHash } from 'node:crypto';
import type { StreamKey } from '@headwater/contracts';

/**
 * Rendezvous hashing: every edge ranks the same nodes alike by it, the highest first, each stream has other ones, and a node
 * that comes or goes moves only its own share.
 */
export function rendezvousWeight(stream: StreamKey, nodeId: string): number {
  return createHash('sha1').update(`${stream}\n${nodeId}`).digest().readUIntBE(0, 6);
}
