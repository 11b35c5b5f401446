// Runs named values on ONNX Runtime once, one thread, and returns plain numbers.

import type { HostTensor } from '../../src/core/tensor.ts';
import { lower } from '../../src/graph/lower.ts';
import type { LowerOptions } from '../../src/graph/lowered.ts';
import type { Value } from '../../src/graph/value.ts';
import { createSession } from '../../src/runtime/node.ts';

export async function runGraph(
  outputs: Readonly<Record<string, Value>>,
  feeds: Readonly<Record<string, HostTensor>> = {},
  options: LowerOptions = {},
): Promise<Record<string, number[]>> {
  const session = await createSession(lower(outputs, options).bytes, { threads: 1 });
  const results = await session.run(feeds);
  await session.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [
      name,
      Array.from(data as ArrayLike<number>, Number),
    ]),
  );
}
