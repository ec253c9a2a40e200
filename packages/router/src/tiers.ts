// In which order the edges are asked that are not in the viewer's zone: first the zones of its region, the nearest first, then
// those of other regions, the nearest first. Zones that are equally near, or of which nothing is known, make one pool.
import type { RoutedEdge } from './routed-edge.ts';
import { zoneKey, type Zone } from './zone.ts';

/** How a tier is near: the viewer's own zone, another one of its region, or another region. */
export type Nearness = 'zone' | 'region' | 'distance';

/** Edges that are equally near. */
export interface Tier {
  readonly nearness: Nearness;
  /** Undefined where it is not known. */
  readonly distanceMs: number | undefined;
  readonly edges: readonly RoutedEdge[];
}

/** A zone that has edges. */
export interface EdgeZone {
  readonly zone: Zone;
  readonly edges: readonly RoutedEdge[];
}

const nearnesses: readonly Nearness[] = ['zone', 'region', 'distance'];
/** Distances that differ by less are one: they are estimates, and change from look to look. */
const toleranceMs = 0.5;

/** The tiers as seen from a zone, the nearest first. `distanceMs` is undefined where nobody knows. */
export function tiersFrom(
  home: Zone,
  zones: readonly EdgeZone[],
  distanceMs: (to: Zone) => number | undefined,
): readonly Tier[] {
  const homeKey = zoneKey(home.region, home.name);
  const seen = zones.map(({ zone, edges }) => {
    const key = zoneKey(zone.region, zone.name);
    const nearness: Nearness =
      key === homeKey
        ? 'zone'
        : zone.region !== undefined && zone.region === home.region
          ? 'region'
          : 'distance';
    const distance = nearness === 'zone' ? 0 : distanceMs(zone);
    const steps = distance === undefined ? Number.POSITIVE_INFINITY : Math.round(distance / toleranceMs);
    return { key, nearness, distance, steps, edges };
  });
  seen.sort((a, b) => {
    const byNearness = nearnesses.indexOf(a.nearness) - nearnesses.indexOf(b.nearness);
    if (byNearness !== 0) return byNearness;
    if (a.steps !== b.steps) return a.steps - b.steps;
    return a.key < b.key ? -1 : 1;
  });
  const tiers: (Tier & { readonly steps: number; readonly edges: RoutedEdge[] })[] = [];
  for (const { nearness, distance, steps, edges } of seen) {
    const last = tiers.at(-1);
    if (last?.nearness === nearness && last.steps === steps) last.edges.push(...edges);
    else tiers.push({ nearness, distanceMs: distance, steps, edges: [...edges] });
  }
  return tiers;
}
