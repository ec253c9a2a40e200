import type { Config } from '@headwater/contracts';
import type { NodeRole } from '@headwater/cluster';
import { availableCores } from './available-cores.ts';

/** How many worker processes a node has beside its own: none where that one serves viewers itself, or nobody does. */
export function workerCount(
  { workers }: Pick<Config, 'workers'>,
  roles: readonly NodeRole[],
  cores: () => number = availableCores,
): number {
  if (!roles.includes('edge')) return 0;
  const wanted = workers === 'auto' ? cores() : workers;
  return wanted > 1 ? wanted : 0;
}
