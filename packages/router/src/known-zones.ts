// The zones that nodes stand in. A zone of which every node is gone is remembered: its viewers still ask, and have to be
// sent to the one that is nearest to it.
import type { GeoPoint, NodeRecord } from '@headwater/cluster';
import { greatCircleKm } from './geo-distance.ts';
import { zoneKey, type Zone } from './zone.ts';

const maxZones = 4_096;

/** The zones seen so far, the last `maxZones` of them. */
export class KnownZones {
  readonly #zones = new Map<string, Zone>();

  get all(): Iterable<Zone> {
    return this.#zones.values();
  }

  /** Takes in where the nodes are. A zone has the coordinates of the first of its nodes that has some. */
  learn(nodes: readonly NodeRecord[]): void {
    const seen = new Map<string, Zone>();
    for (const { zone: name, region, coordinates } of nodes) {
      const key = zoneKey(region, name);
      const before = seen.get(key);
      if (before === undefined) seen.set(key, { name, region, coordinates });
      else if (before.coordinates === undefined && coordinates !== undefined) {
        seen.set(key, { ...before, coordinates });
      }
    }
    for (const [key, zone] of seen) {
      const coordinates = zone.coordinates ?? this.#zones.get(key)?.coordinates;
      // Last in the order of insertion is what was seen last.
      this.#zones.delete(key);
      this.#zones.set(key, { ...zone, coordinates });
    }
    for (const key of this.#zones.keys()) {
      if (this.#zones.size <= maxZones) break;
      this.#zones.delete(key);
    }
  }

  /** A zone by name; without a region, the only one with that name. One that was never seen is made up of what is given. */
  zone(name: string, region: string | undefined): Zone {
    const known = region === undefined ? this.#onlyOne(name) : this.#zones.get(zoneKey(region, name));
    return known ?? { name, region, coordinates: undefined };
  }

  /** The zone nearest to a point; undefined where no zone has coordinates. */
  nearest(point: GeoPoint): Zone | undefined {
    let nearest: Zone | undefined;
    let leastKm = Number.POSITIVE_INFINITY;
    for (const zone of this.#zones.values()) {
      if (zone.coordinates === undefined) continue;
      const km = greatCircleKm(point, zone.coordinates);
      if (km > leastKm || (km === leastKm && !isBefore(zone, nearest))) continue;
      nearest = zone;
      leastKm = km;
    }
    return nearest;
  }

  #onlyOne(name: string): Zone | undefined {
    let found: Zone | undefined;
    for (const zone of this.#zones.values()) {
      if (zone.name !== name) continue;
      if (found !== undefined) return undefined;
      found = zone;
    }
    return found;
  }
}

// Which of two zones at one point is seen first depends on the order of the nodes, which may differ between routers.
function isBefore(zone: Zone, other: Zone | undefined): boolean {
  return other === undefined || zoneKey(zone.region, zone.name) < zoneKey(other.region, other.name);
}
