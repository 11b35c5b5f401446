// Chooses where training runs. A GPU counts only when it answers, and `auto` takes it only when it
// is faster: software that poses as one is slower than the processor it runs on.

import { fail } from '../core/errors.ts';
import { float32 } from '../core/tensor.ts';
import { lower } from '../graph/lower.ts';
import { conv2d } from '../graph/ops/conv.ts';
import { input } from '../graph/ops/leaf.ts';
import type { DeviceChoice } from './choices.ts';
import { createSession } from './node.ts';
import type { Device } from './session.ts';

const ROUNDS = 3;

/** The device for a choice; what `auto` finds is told to `say`. */
export async function chooseDevice(
  choice: DeviceChoice,
  say: (note: string) => void = () => {},
): Promise<Device> {
  if (choice === 'cpu') return 'cpu';
  if (choice === 'webgpu') {
    await milliseconds('webgpu', 8).catch((cause) => {
      throw fail('FM_RUNTIME', '--device webgpu', {
        expected: 'a GPU that WebGPU can use',
        got: firstLine(cause),
        next: "Install the GPU's driver (on Linux with the Vulkan loader), or use '--device cpu'.",
        cause,
      });
    });
    return 'webgpu';
  }
  const gpu = await milliseconds('webgpu', 56).catch(() => Number.POSITIVE_INFINITY);
  if (gpu === Number.POSITIVE_INFINITY) return 'cpu';
  const cpu = await milliseconds('cpu', 56);
  const device = gpu < cpu ? 'webgpu' : 'cpu';
  say(
    `device ${device}: a convolution takes ${gpu.toFixed(1)} ms on WebGPU, ${cpu.toFixed(1)} on the CPU`,
  );
  return device;
}

function firstLine(cause: unknown): string {
  const [line] = (cause as Error).message.split('\n');
  return line.slice(line.lastIndexOf(': ') + 2).replace(/\.$/, '');
}

/** The shortest of some runs of a 3x3 convolution, 64 channels, 8 images of `size`. */
async function milliseconds(device: Device, size: number): Promise<number> {
  const feeds = {
    x: float32([8, 64, size, size], new Float32Array(8 * 64 * size * size).fill(0.5)),
    w: float32([64, 64, 3, 3], new Float32Array(64 * 64 * 9).fill(0.25)),
  };
  const y = conv2d(input('x', feeds.x.shape), input('w', feeds.w.shape), undefined, { pads: 1 });
  const session = await createSession(lower({ y }).bytes, { device });
  try {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= ROUNDS; i++) {
      const start = performance.now();
      const { y: out } = await session.run(feeds);
      if (i > 0) best = Math.min(best, performance.now() - start); // the first one compiles shaders
      const middle = Number(out.data[Math.floor(size / 2) * (size + 1)]);
      if (middle !== 64 * 9 * 0.5 * 0.25) throw new Error(`a convolution gave ${middle}, not 72`);
    }
    return best;
  } finally {
    await session.close();
  }
}
