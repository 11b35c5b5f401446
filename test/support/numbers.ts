// Small statistics that tests share.

/** The middle of some numbers, as numpy takes it. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

/** |got - expected| / |expected| in l2 norms; absolute when the expected numbers are all zero. */
export function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) {
    throw new RangeError(`expected ${expected.length} numbers, got ${got.length}`);
  }
  let difference = 0;
  let squares = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (got[i] - expected[i]) ** 2;
    squares += expected[i] ** 2;
  }
  return squares > 0 ? Math.sqrt(difference / squares) : Math.sqrt(difference);
}

/** Relative l2 error that counts differences of tensors near zero by their own size (below 1e-6). */
export function flooredError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (Number(got[i]) - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference) / (Math.sqrt(norm) + 1e-6);
}
