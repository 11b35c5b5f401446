import { setTimeout as after } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Gate } from '../../src/core/gate.ts';

test('closing waits for what is under way, does the last thing once, and lets nothing in', async () => {
  const gate = new Gate(() => new Error('shut'));
  const order: string[] = [];
  const good = gate.enter(async () => {
    await after(10);
    order.push('good');
    return 1;
  });
  const bad = gate.enter(async () => {
    await after(20);
    order.push('bad');
    throw new Error('broken');
  });
  const last = async () => void order.push('last');
  const closing = [gate.close(last), gate.close(last)];
  await expect(gate.enter(async () => 2)).rejects.toThrow('shut');
  expect(order).toEqual([]);
  await expect(bad).rejects.toThrow('broken');
  await Promise.all(closing);
  expect(await good).toBe(1);
  expect(order).toEqual(['good', 'bad', 'last']);
  await gate.close(last);
  expect(order).toHaveLength(3);
});
