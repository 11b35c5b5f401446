import { expect, test } from 'vitest';
import { PixelBudget } from '../../../src/data/image/pixel-budget.ts';

test('never more pixels at a time than there are, but for an image that has more itself', async () => {
  const budget = new PixelBudget(10);
  const ended: (() => void)[] = [];
  let [now, most] = [0, 0];
  const work = (pixels: number) =>
    budget.run(pixels, async () => {
      now += pixels;
      most = Math.max(most, now);
      await new Promise<void>((resolve) => ended.push(resolve));
      now -= pixels;
      return pixels;
    });
  const all = [4, 5, 6, 30, 3, 3, 3].map(work);
  for (let done = 0; done < all.length; done++) {
    while (ended.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(now === 30 || now <= 10).toBe(true);
    ended.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await Promise.all(all)).toEqual([4, 5, 6, 30, 3, 3, 3]);
  expect(most).toBe(30);
});

test('one that fails makes room', async () => {
  const budget = new PixelBudget(10);
  const failed = budget.run(10, () => Promise.reject(new Error('no')));
  const next = budget.run(10, async () => 'done');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('done');
});
