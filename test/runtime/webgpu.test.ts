// Training steps through WebGPU against the CPU. Without a GPU, software that comes with Chromium
// stands in for one: that checks the arithmetic and the passing of tensors, not the speed.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CHROMIUM = '/usr/lib/chromium';
const driver = `${CHROMIUM}/vk_swiftshader_icd.json`;
const found = existsSync(driver);
if (!found)
  console.info('WebGPU skipped: Chromium, whose software driver stands in for a GPU, is not there');

const script = fileURLToPath(new URL('../support/webgpu-step.ts', import.meta.url));
const full = process.env.FIELDMARK_FULL !== undefined;

interface Outcome {
  readonly cpu: readonly number[];
  readonly gpu: readonly number[];
  readonly worst: readonly { readonly name: string; readonly error: number }[];
}

const cases = [
  ['resnet_tiny', 'frozen', 32],
  ...(full
    ? ([
        ['resnet_tiny', 'batch', 32],
        ['mobilenet_v2', 'frozen', 32],
        ['resnet18', 'frozen', 64],
      ] as const)
    : []),
] as const;

test.skipIf(!found).each(cases)(
  '%s, %s norms: three steps with parameters kept on the device',
  { timeout: 600_000 },
  (net, norms, size) => {
    const out = execFileSync(
      process.execPath,
      ['--import', 'tsx', script, net, norms, String(size)],
      {
        env: {
          ...process.env,
          VK_ICD_FILENAMES: driver,
          VK_DRIVER_FILES: driver,
          LD_LIBRARY_PATH: CHROMIUM,
        },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const { cpu, gpu, worst } = JSON.parse(out.trim().split('\n').at(-1)!) as Outcome;
    expect(gpu).toHaveLength(3);
    gpu.forEach((loss, i) => {
      expect(Math.abs(loss / cpu[i] - 1), `step ${i + 1}`).toBeLessThan(2e-6);
    });
    // float32 sums in another order; seen: 4e-6 for MobileNetV2, 7e-7 for the small network
    expect(worst.filter(({ error }) => error > 2e-5)).toEqual([]);
  },
);
