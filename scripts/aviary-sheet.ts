// Draws the contact sheet of the README: one bird of each species of the default aviary.
//
//   npx tsx scripts/aviary-sheet.ts docs/images/aviary.png

import { resolveOptions } from '../src/data/aviary/options.ts';
import { drawScene } from '../src/data/aviary/scene.ts';
import { designSpecies } from '../src/data/aviary/species.ts';
import { sceneOf } from '../src/data/aviary/write-aviary.ts';
import { encodePng } from '../src/data/image/decode.ts';
import { sideBySide, stacked } from '../src/data/image/draw.ts';
import { renderSvg } from '../src/data/image/render.ts';
import { writeAtomic } from '../src/formats/atomic-file.ts';

const [out = 'docs/images/aviary.png'] = process.argv.slice(2);
const options = resolveOptions({});
const size = options.imageSize;
const birds = await Promise.all(
  designSpecies(options).map(async (species, i) =>
    renderSvg(drawScene(sceneOf(i, 3, options), species.marks), size, size),
  ),
);
const rows = [0, 1].map((row) => sideBySide(birds.slice(row * 6, row * 6 + 6), { gap: 6 }));
await writeAtomic(out, await encodePng(stacked(rows, { gap: 6 })));
