// What steps hand on: taken over after each run, shared between programs, and held only once.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { lower } from '../../src/graph/lower.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import type { Value } from '../../src/graph/value.ts';
import { createSession } from '../../src/runtime/node.ts';
import type { Session } from '../../src/runtime/session.ts';
import { createTrainingState } from '../../src/runtime/training-state.ts';

const scalar = (value: number) => float32([], [value]);
const numberOf = (tensor: HostTensor | undefined) => Number(tensor?.data[0]);

async function program(outputs: Record<string, Value>, carried: Record<string, string>) {
  const session = await createSession(lower(outputs).bytes, { threads: 1 });
  return { session, carried: new Map(Object.entries(carried)) };
}

/** sum' = sum + x */
const adder = () =>
  program(
    { 'next:sum': add(input('sum', []), input('x', [])), double: mul(input('x', []), 2) },
    { sum: 'next:sum' },
  );

test('what a run returns for a carried tensor is fed to the next, and not given back', async () => {
  const state = createTrainingState([await adder()], new Map([['sum', scalar(10)]]));
  const outputs: Record<string, HostTensor>[] = [];
  for (const x of [1, 2, 3]) outputs.push(await state.run({ x: scalar(x) }));
  expect(outputs.map((out) => Object.keys(out))).toEqual([['double'], ['double'], ['double']]);
  expect(outputs.map(({ double }) => numberOf(double))).toEqual([2, 4, 6]);
  expect(numberOf((await state.read()).get('sum'))).toBe(16);
});

test('programs share what they name alike, and may read what another one carries', async () => {
  const squares = await program(
    { 'next:square': mul(input('sum', []), input('sum', [])) },
    { square: 'next:square' },
  );
  const first = new Map([
    ['sum', scalar(1)],
    ['square', scalar(0)],
  ]);
  const state = createTrainingState([await adder(), squares], first);
  await state.run({ x: scalar(4) });
  expect(await state.run({}, 1)).toEqual({});
  const numbers = await state.read();
  expect([...numbers].map(([name, tensor]) => [name, numberOf(tensor)])).toEqual([
    ['sum', 5],
    ['square', 25],
  ]);
});

test('feeds that the graph does not know are left out, and one that is missing is named', async () => {
  const state = createTrainingState([await adder()], new Map([['sum', scalar(0)]]));
  await expect(state.run({ x: scalar(1), other: scalar(2) })).resolves.toBeDefined();
  await expect(state.run({})).rejects.toThrow(/input 'x'/);
  expect(numberOf((await state.read()).get('sum')), 'as before the error').toBe(1);
});

test('after a run nothing of the old numbers is held', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const fake: Pick<Session, 'inputNames' | 'runOnDevice'> = {
    inputNames: ['weight'],
    runOnDevice: async () => ({ host: { 'next:weight': float32([4], [0, 0, 0, 0]) }, kept: {} }),
  };
  const session = fake as Session;
  const begin = () => {
    const numbers = new Map<string, HostTensor>([['weight', float32([4], [1, 2, 3, 4])]]);
    const carried = new Map([['weight', 'next:weight']]);
    const state = createTrainingState([{ session, carried }], numbers);
    return { state, old: new WeakRef(numbers.get('weight')!) };
  };
  const { state, old } = begin();
  await state.run({});
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef lives until the turn ends
  collect();
  expect(old.deref()).toBeUndefined();
  expect((await state.read()).size).toBe(1);
});
