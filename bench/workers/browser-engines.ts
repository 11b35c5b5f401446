// Other engines written for JavaScript, on the convolution rows: TensorFlow.js and jax-js, both in
// WebAssembly, so slow that one repetition is one call. The arguments are the job as JSON and the
// folder where `bench/peers/setup --js` put them; of what they export only what is used is typed.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ConvWork, Setting } from '../support/job.ts';
import { type Prepared, serve, timed } from '../support/serve.ts';

const [json, folder] = process.argv.slice(2);
const job = JSON.parse(json) as ConvWork & Setting;
const resolver = createRequire(join(folder, 'package.json'));
await serve(job.variant === 'tfjs' ? await prepareTfjs(job) : await prepareJax(job));

interface TfTensor {
  dispose(): void;
}

interface Tensorflow {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  randomUniform(shape: readonly number[], low: number, high: number): TfTensor;
  conv2d(x: TfTensor, w: TfTensor, strides: number, pad: 'same'): TfTensor;
}

/** Channels last, which is all that its WebAssembly kernels take. In Node it has one thread. */
async function prepareTfjs({ batch, channels, side }: ConvWork): Promise<Prepared> {
  const tf = resolver('@tensorflow/tfjs') as Tensorflow;
  resolver('@tensorflow/tfjs-backend-wasm');
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs has no WebAssembly backend here');
  await tf.ready();
  const x = tf.randomUniform([batch, side, side, channels], -1, 1);
  const w = tf.randomUniform([3, 3, channels, channels], -1, 1);
  const call = async () => tf.conv2d(x, w, 1, 'same').dispose();
  return { repeat: () => timed(call), close: async () => {} };
}

interface JaxArray {
  /** The array once more: every use consumes one reference. */
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
}

interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): void;
  readonly numpy: { array(values: Float32Array): JaxArray };
  readonly lax: {
    conv(x: JaxArray, w: JaxArray, strides: number[], padding: 'SAME'): JaxArray;
  };
}

async function prepareJax({ batch, channels, side }: ConvWork): Promise<Prepared> {
  const jax = resolver('@jax-js/jax') as Jax;
  const devices = await jax.init('wasm');
  if (!devices.includes('wasm')) throw new Error('jax-js has no WebAssembly backend here');
  jax.defaultDevice('wasm');
  const random = (shape: readonly number[]) => {
    const values = new Float32Array(shape.reduce((product, n) => product * n));
    return jax.numpy.array(values.map((_, i) => ((i * 7919) % 1000) / 500 - 1)).reshape(shape);
  };
  const x = random([batch, channels, side, side]);
  const w = random([channels, channels, 3, 3]);
  const call = async () => {
    const y = await jax.lax.conv(x.ref, w.ref, [1, 1], 'SAME').blockUntilReady();
    y.dispose();
  };
  return { repeat: () => timed(call), close: async () => {} };
}
