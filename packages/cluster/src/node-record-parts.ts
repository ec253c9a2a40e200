// The parts of a node record that may be absent, read from what anybody may have written.
import type { GeoPoint, NodeCapacity, NodeRecord } from './node-record.ts';

const maxUrlLength = 300;

/** What a record may have beside what every node has. */
export type OptionalParts = Pick<NodeRecord, 'coordinates' | 'publicUrls' | 'capacity'>;

/** What is there of a record's optional parts; undefined when one of them is not what it has to be. */
export function decodeOptionalParts(node: Record<string, unknown>): OptionalParts | undefined {
  const coordinates = decodeCoordinates(node['coordinates']);
  const publicUrls = decodePublicUrls(node['publicUrls']);
  const capacity = decodeCapacity(node['capacity']);
  if (coordinates === 'invalid' || publicUrls === 'invalid' || capacity === 'invalid') return undefined;
  return {
    ...(coordinates === undefined ? {} : { coordinates }),
    ...(publicUrls === undefined ? {} : { publicUrls }),
    ...(capacity === undefined ? {} : { capacity }),
  };
}

/** True when two records say the same in these parts. */
export function haveSameParts(a: OptionalParts, b: OptionalParts): boolean {
  return (
    haveSame(a.coordinates, b.coordinates, ['latitude', 'longitude']) &&
    haveSame(a.publicUrls, b.publicUrls, ['http', 'rtmp']) &&
    haveSame(a.capacity, b.capacity, ['viewers', 'egressBitsPerSecond'])
  );
}

function haveSame<T>(a: T | undefined, b: T | undefined, keys: readonly (keyof T)[]): boolean {
  return keys.every((key) => a?.[key] === b?.[key]);
}

function decodeCoordinates(value: unknown): GeoPoint | undefined | 'invalid' {
  if (value === undefined) return undefined;
  const { latitude, longitude } = fieldsOf(value);
  if (!isWithin(latitude, 90) || !isWithin(longitude, 180)) return 'invalid';
  return { latitude, longitude };
}

function decodePublicUrls(value: unknown): NonNullable<NodeRecord['publicUrls']> | undefined | 'invalid' {
  if (value === undefined) return undefined;
  const { http, rtmp } = fieldsOf(value);
  if (!isUrlOrAbsent(http, /^https?:\/\/[^\s/?#@]+$/) || !isUrlOrAbsent(rtmp, /^rtmps?:\/\/[^\s/?#@]+$/)) {
    return 'invalid';
  }
  return { ...(http === undefined ? {} : { http }), ...(rtmp === undefined ? {} : { rtmp }) };
}

function decodeCapacity(value: unknown): NodeCapacity | undefined | 'invalid' {
  if (value === undefined) return undefined;
  const { viewers, egressBitsPerSecond } = fieldsOf(value);
  if (!isAmount(viewers) || !isAmount(egressBitsPerSecond)) return 'invalid';
  return { viewers, egressBitsPerSecond };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isWithin(value: unknown, limit: number): value is number {
  return typeof value === 'number' && Math.abs(value) <= limit;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isUrlOrAbsent(value: unknown, pattern: RegExp): value is string | undefined {
  return (
    value === undefined || (typeof value === 'string' && value.length <= maxUrlLength && pattern.test(value))
  );
}
