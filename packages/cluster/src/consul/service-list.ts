import { fromEntry, type ConsulEntry } from './service-record.ts';

/** A node that is up. */
export type AliveEntry = Extract<ConsulEntry, { outcome: 'alive' }>;

/** A list of services as it was understood. */
export interface ServiceList {
  /** At most one a node: the run that registered last. */
  readonly alive: readonly AliveEntry[];
  /** What could not be used. */
  readonly ignored: readonly { readonly serviceId: string; readonly problem: string }[];
  /** Ids of nodes of which several runs are up. */
  readonly twice: readonly string[];
}

/** Reads all entries, up to `maxNodes` nodes. */
export function readEntries(entries: readonly unknown[], maxNodes: number): ServiceList {
  const alive = new Map<string, AliveEntry>();
  const twice = new Set<string>();
  const ignored: { serviceId: string; problem: string }[] = [];
  for (const raw of entries) {
    const entry = fromEntry(raw);
    if (entry.outcome === 'dead') continue;
    if (entry.outcome === 'ignored') {
      ignored.push({ serviceId: entry.serviceId, problem: entry.problem });
      continue;
    }
    const { nodeId } = entry.node;
    const other = alive.get(nodeId);
    if (other !== undefined) twice.add(nodeId);
    if (other === undefined && alive.size >= maxNodes) {
      ignored.push({ serviceId: nodeId, problem: `more than ${maxNodes} nodes` });
    } else if (other === undefined || other.order < entry.order) {
      alive.set(nodeId, entry);
    }
  }
  return { alive: [...alive.values()], ignored, twice: [...twice] };
}
