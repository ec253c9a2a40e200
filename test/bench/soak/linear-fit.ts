/** A straight line through values taken at even distances, and how far they lie from it. */
export interface LinearFit {
  /** From the first value to the last, along the line. */
  readonly growth: number;
  readonly mean: number;
  /** Standard deviation of the values from the line. */
  readonly noise: number;
}

// Less than this is no growth, whatever a smooth curve says: heaps settle for a long time.
const leastShare = 0.03;

/** Least squares. NaN for fewer than three values. */
export function fitLine(values: readonly number[]): LinearFit {
  const count = values.length;
  if (count < 3) return { growth: Number.NaN, mean: Number.NaN, noise: Number.NaN };
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const middle = (count - 1) / 2;
  let products = 0;
  let squares = 0;
  values.forEach((value, index) => {
    products += (index - middle) * (value - mean);
    squares += (index - middle) ** 2;
  });
  const slope = products / squares;
  const distances = values.map((value, index) => value - mean - slope * (index - middle));
  const noise = Math.sqrt(distances.reduce((sum, distance) => sum + distance ** 2, 0) / (count - 2));
  return { growth: slope * (count - 1), mean, noise };
}

/** Whether the values rise by more than they move up and down anyway. */
export function isGrowing({ growth, mean, noise }: LinearFit): boolean {
  return growth > Math.max(2 * noise, leastShare * mean);
}
