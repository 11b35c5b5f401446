// The page of test/browser/recogniser.test.ts: answers photographs and sends what it found to the server.

import { FieldmarkError, loadRecogniser, type OrtWeb } from '../../src/browser.ts';

/** What the page sends. */
export interface PageOutcome {
  readonly answers?: readonly {
    readonly labels: readonly number[];
    readonly confidences: readonly number[];
    readonly crop: readonly number[];
  }[];
  /** Messages of what must fail, by the name of the attempt. */
  readonly refused?: Readonly<Record<string, string>>;
  /** Where the page itself broke. */
  readonly error?: string;
}

async function outcome(): Promise<PageOutcome> {
  // served by the test, and no module that exists where types are checked
  const address = '/ort/ort.wasm.bundle.min.mjs';
  const ort = (await import(address)) as OrtWeb & { env: { wasm: { numThreads: number } } };
  ort.env.wasm.numThreads = 1;
  const recogniser = await loadRecogniser('/model', { ort });
  const photos: string[] = await (await fetch('/photos.json')).json();
  const answers = [];
  for (const [i, photo] of photos.entries()) {
    // by their addresses and by their bytes, in turn
    const given = i % 2 === 0 ? photo : await (await fetch(photo)).blob();
    const prediction = await recogniser.predict(given);
    answers.push({
      labels: prediction.answers.map(({ label }) => label),
      confidences: prediction.answers.map(({ confidence }) => confidence),
      crop: prediction.evidence.crop,
    });
  }
  const refused = {
    text: await failure(() => recogniser.predict(new Blob(['<html>']))),
    missing: await failure(() => recogniser.predict('/photos/none.jpg')),
    large: await failure(() => recogniser.predict(photos[0], { maxPixels: 100 })),
    number: await failure(() => recogniser.predict(3 as never)),
    model: await failure(() => loadRecogniser('/nothing', { ort })),
    other: await failure(async () => {
      const manifest = await (await fetch('/model/fieldmark.json')).text();
      await loadRecogniser({ manifest, model: new Uint8Array(9) }, { ort });
    }),
  };
  await recogniser.close();
  return { answers, refused };
}

async function failure(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
    return 'nothing failed';
  } catch (cause) {
    return cause instanceof FieldmarkError ? `${cause.code} ${cause.message}` : `defect: ${cause}`;
  }
}

outcome()
  .catch((cause): PageOutcome => ({ error: String(cause?.stack ?? cause) }))
  .then((found) => fetch('/outcome', { method: 'POST', body: JSON.stringify(found) }));
