// @ts-check
// A dataset of one's own: photographs in one folder, whose names begin with their class: `robin_001.jpg`.
//
//   npx fieldmark train --data PHOTOS --format ./examples/prefixes.js

import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { supervisionOf } from 'fieldmark/data';

/** @type {import('fieldmark/data').DatasetLoader} */
const prefixes = {
  name: 'prefixes',
  looksFor: 'photographs named robin_001.jpg',
  detect: async () => false, // asked for by its path alone
  async load(root) {
    const names = (await readdir(root))
      .filter((name) => /^.+_\d+\.(jpe?g|png)$/i.test(name))
      .sort();
    const classOf = (/** @type {string} */ name) => name.replace(/_\d+\.\w+$/, '');
    const classes = [...new Set(names.map(classOf))];
    const examples = names.map((name) => ({
      id: name,
      path: join(root, name),
      label: classes.indexOf(classOf(name)),
      split: /** @type {const} */ ('train'),
    }));
    return {
      name: basename(root),
      format: 'prefixes',
      root,
      classes,
      examples,
      supervision: supervisionOf(examples),
    };
  },
};

export default prefixes;
