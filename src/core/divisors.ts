// Divisors of whole numbers: batches are cut into equal passes and classes.

/** All divisors, ascending. */
export function divisorsOf(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((k) => n % k === 0);
}
