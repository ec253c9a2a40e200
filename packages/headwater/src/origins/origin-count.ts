import type { Config } from '@headwater/contracts';
import type { NodeRole } from '@headwater/cluster';
import { availableCores } from '../workers/available-cores.ts';

/**
 * How many origins a node is made of, each a process of its own; 0 where the node is one process. Only where it has no other
 * role: viewers are spread in another way, and a registry of one process is none that several could share.
 */
export function originCount(
  { workers, registry }: Pick<Config, 'workers' | 'registry'>,
  roles: readonly NodeRole[],
  cores: () => number = availableCores,
): number {
  if (registry.redis === undefined || roles.length !== 1 || !roles.includes('origin')) return 0;
  const wanted = workers === 'auto' ? cores() : workers;
  return wanted > 1 ? wanted : 0;
}
