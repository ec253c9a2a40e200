import type { GeoPoint } from '@headwater/cluster';

/** A zone of the cluster. Zones of different regions may have the same name. */
export interface Zone {
  readonly name: string;
  /** Undefined where only the name is known. */
  readonly region: string | undefined;
  readonly coordinates: GeoPoint | undefined;
}

/** What a zone is told apart by. */
export function zoneKey(region: string | undefined, name: string): string {
  return `${region ?? '?'}/${name}`;
}
