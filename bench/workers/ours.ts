// Our contestants. The first argument is the job as JSON; the rest of the protocol is in
// ../support/contestant.ts.

import type { Job } from '../support/job.ts';
import { type Prepared, serve } from '../support/serve.ts';

const job = JSON.parse(process.argv[2]) as Job;
await serve(await prepare(job));

/** Builds what the job asks for. Modules are loaded by need: their memory counts. */
async function prepare(job: Job): Promise<Prepared> {
  switch (job.kind) {
    case 'step':
      return (await import('./train-step.ts')).prepareTrainStep(job);
    case 'infer':
      return (await import('./inference.ts')).prepareInference(job);
    case 'features':
      return (await import('./features.ts')).prepareFeatures(job);
    case 'jpeg':
      return (await import('./jpeg.ts')).prepareJpeg(job);
    case 'conv':
      return (await import('./convolution.ts')).prepareConvolution(job);
  }
}
