// Consul's network coordinates (Vivaldi: https://developer.hashicorp.com/consul/docs/architecture/coordinates): points in a
// space of a few dimensions plus a height for the way through the machine's own access, all in seconds. The distance of two
// points estimates the round trip between them.

/** A point as Consul gives it. */
export interface Coordinate {
  readonly vec: readonly number[];
  readonly height: number;
  readonly adjustment: number;
  /** Machines in different segments have coordinates that cannot be compared. */
  readonly segment: string;
}

/** The error of a coordinate that was never measured. */
const unmeasured = 1.5;
const maxDimensions = 32;

/** Reads an entry of `/v1/coordinate/nodes`; undefined when it is malformed or nothing was measured yet. */
export function readCoordinate(entry: unknown): { name: string; coordinate: Coordinate } | undefined {
  if (!isObject(entry) || typeof entry['Node'] !== 'string' || !isObject(entry['Coord'])) return undefined;
  const { Vec: vec, Error: error, Adjustment: adjustment, Height: height } = entry['Coord'];
  if (!Array.isArray(vec) || vec.length > maxDimensions || !vec.every(isFinite)) return undefined;
  if (!isFinite(error) || !isFinite(adjustment) || !isFinite(height) || error >= unmeasured) return undefined;
  const segment = typeof entry['Segment'] === 'string' ? entry['Segment'] : '';
  return { name: entry['Node'], coordinate: { vec, height, adjustment, segment } };
}

/** The estimated round trip in ms; undefined when the two are not of one space. */
export function roundTripMs(a: Coordinate, b: Coordinate): number | undefined {
  if (a.segment !== b.segment || a.vec.length !== b.vec.length) return undefined;
  const plain = Math.hypot(...a.vec.map((value, index) => value - (b.vec[index] ?? 0))) + a.height + b.height;
  const adjusted = plain + a.adjustment + b.adjustment;
  return (adjusted > 0 ? adjusted : plain) * 1_000;
}

/** The median; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}
