// The one float matcher: toBeAllClose(expected, { rtol, atol }).
import { expect } from 'vitest';

interface Tolerance {
  rtol?: number;
  atol?: number;
}

expect.extend({
  toBeAllClose(
    received: ArrayLike<number>,
    expected: ArrayLike<number>,
    tolerance: Tolerance = {},
  ) {
    const { rtol = 1e-5, atol = 1e-7 } = tolerance;
    let worst = -1;
    let excess = 0;
    const sameLength = received.length === expected.length;
    for (let i = 0; sameLength && i < expected.length; i++) {
      const allowed = atol + rtol * Math.abs(expected[i]);
      const over = Math.abs(received[i] - expected[i]) - allowed;
      if (!(over <= 0) && !(over <= excess)) [worst, excess] = [i, over];
    }
    return {
      pass: sameLength && worst < 0,
      message: () =>
        sameLength
          ? `at ${worst}: expected ${expected[worst]}, got ${received[worst]} (rtol ${rtol}, atol ${atol})`
          : `expected ${expected.length} numbers, got ${received.length}`,
    };
  },
});

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the signature of vitest's own interface
  interface Matchers<T = any> {
    toBeAllClose(expected: ArrayLike<number>, tolerance?: Tolerance): T;
  }
}
