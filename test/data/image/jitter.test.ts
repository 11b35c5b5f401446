import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import { applyJitter, type JitterStep, sampleJitter } from '../../../src/data/image/jitter.ts';

const goldens: { cases: (JitterStep & { pixels: string })[] } = JSON.parse(
  readFileSync(new URL('../goldens/jitter.json', import.meta.url), 'utf8'),
);

/** The formula of goldens/jitter.py. */
function picture(): Uint8Array {
  return Uint8Array.from({ length: 18 * 14 * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % 18, Math.floor(i / 54)];
    return (x * x * 3 + y * 7 + x * y + c * 50) % 256;
  });
}

test.each(goldens.cases)('$kind $amount is Pillow', ({ kind, amount, pixels }) => {
  const data = picture();
  applyJitter(data, [{ kind, amount }]);
  const golden = Buffer.from(pixels, 'base64');
  const errors = golden.map((value, i) => Math.abs(value - data[i]));
  // Pillow truncates where we round; its hue goes through 8-bit HSV, which costs a few levels
  const mean = errors.reduce((total, value) => total + value, 0) / errors.length;
  expect(mean).toBeLessThan(kind === 'hue' ? 3 : 1);
  if (kind !== 'hue') expect(Math.max(...errors)).toBeLessThanOrEqual(1);
});

test('hue: a third of the circle moves red to green; grays and whole turns stay', () => {
  const data = Uint8Array.of(200, 10, 10, 90, 90, 90);
  applyJitter(data, [{ kind: 'hue', amount: 1 / 3 }]);
  expect([...data]).toEqual([10, 200, 10, 90, 90, 90]);
  const whole = picture();
  applyJitter(whole, [{ kind: 'hue', amount: 1 }]);
  expect(whole).toEqual(picture());
});

test('plans: strengths of zero are left out, amounts stay in their ranges, orders vary', () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const options = { brightness: 0.2, contrast: 0, saturation: 2, hue: 0.1 };
    const plan = sampleJitter(options, randomStream(seed, 'test'));
    const amounts = Object.fromEntries(plan.map((step) => [step.kind, step.amount]));
    expect(Object.keys(amounts).sort()).toEqual(['brightness', 'hue', 'saturation']);
    expect(Math.abs(amounts.brightness - 1)).toBeLessThanOrEqual(0.2);
    expect(Math.abs(amounts.hue)).toBeLessThanOrEqual(0.1);
    expect(amounts.saturation).toBeGreaterThanOrEqual(0);
    orders.add(plan.map((step) => step.kind).join());
  }
  expect(orders.size).toBe(6);
});
