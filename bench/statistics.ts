// Medians, ranges and trends of measurements.

/** A median with the range that it stands in. */
export type Spread = { median: number; low: number; high: number; count: number };

/** Returns the median; of an even number of values the mean of the middle two. Throws RangeError for no values. */
export function medianOf(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("no values have no median");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Returns the spread; undefined for no values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { median: medianOf(values), low: Math.min(...values), high: Math.max(...values), count: values.length };
}

/** A straight line through points, by least squares, with the slope's 95 % interval. */
export type Trend = { slope: number; slopeLow: number; slopeHigh: number };

/** Returns the trend of three points or more; undefined of fewer. */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend | undefined {
  const count = points.length;
  if (count < 3) return undefined;
  const meanX = sumOf(points, ([x]) => x) / count;
  const meanY = sumOf(points, ([, y]) => y) / count;
  const spreadX = sumOf(points, ([x]) => (x - meanX) ** 2);
  if (spreadX === 0) return undefined;
  const slope = sumOf(points, ([x, y]) => (x - meanX) * (y - meanY)) / spreadX;
  const residual = sumOf(points, ([x, y]) => (y - meanY - slope * (x - meanX)) ** 2);
  // 2 is the t value of many points; of few it is more, and the interval is then too narrow.
  const half = 2 * Math.sqrt(residual / (count - 2) / spreadX);
  return { slope, slopeLow: slope - half, slopeHigh: slope + half };
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
