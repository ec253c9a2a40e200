import { availableParallelism } from 'node:os';
import type { Config } from '@headwater/contracts';
import type { NodeRole } from '@headwater/cluster';

/** How many worker processes a node has beside its own: none where that one serves viewers itself, or nobody does. */
export function workerCount(
  { workers }: Pick<Config, 'workers'>,
  roles: readonly NodeRole[],
  cores: number = availableParallelism(),
): number {
  const wanted = workers === 'auto' ? cores : workers;
  return roles.includes('edge') && wanted > 1 ? wanted : 0;
}
