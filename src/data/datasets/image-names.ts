// Finding the images that a list names: below a folder that it does not mention, without an
// extension, with other capitals. What two files could be is no answer.

import { splitOf } from './split-names.ts';

/** Images by every way to name them: the ends of their paths, with and without extension. */
export interface ImageNames {
  readonly ids: readonly string[];
  readonly byEnd: ReadonlyMap<string, readonly string[]>;
}

/** `ids` are slash paths below the dataset. */
export function imageNames(ids: readonly string[]): ImageNames {
  const byEnd = new Map<string, string[]>();
  const add = (end: string, id: string) => {
    const others = byEnd.get(end);
    if (others === undefined) byEnd.set(end, [id]);
    else if (others.at(-1) !== id) others.push(id);
  };
  for (const id of ids) {
    const parts = plain(id).split('/');
    for (let i = 0; i < parts.length; i++) {
      const end = parts.slice(i).join('/');
      add(end, id);
      add(withoutExtension(end), id);
    }
  }
  return { ids, byEnd };
}

/**
 * The images that a listed name may mean; those of the split's own folder where there are several.
 */
export function imagesNamed(names: ImageNames, listed: string, split?: string): readonly string[] {
  const path = cleaned(listed);
  const found = names.byEnd.get(plain(path)) ?? [];
  const narrower: ((id: string) => boolean)[] = [
    (id) => id.normalize() === path.normalize(),
    (id) => splitOf(id.split('/')[0])?.split === split,
    (id) => id.normalize().endsWith(path.normalize()),
  ];
  return narrower.reduce<readonly string[]>((rest, fits) => {
    const fewer = rest.length > 1 ? rest.filter(fits) : rest;
    return fewer.length > 0 ? fewer : rest;
  }, found);
}

/**
 * How many folders in front of listed names are those of another machine, as in
 * `/data/birds/images/1.jpg`: the fewest that leave a name that is there. Undefined where none do.
 */
export function strangeFolders(names: ImageNames, listed: string): number | undefined {
  const parts = cleaned(listed).split('/');
  const cut = parts.findIndex((_, i) => names.byEnd.has(plain(parts.slice(i).join('/'))));
  return cut < 0 ? undefined : cut;
}

/** With slashes, and relative. */
export function cleaned(listed: string): string {
  return listed.replaceAll('\\', '/').replace(/^(\.?\/)+/, '');
}

function plain(path: string): string {
  return path.normalize().toLowerCase();
}

function withoutExtension(path: string): string {
  return path.replace(/\.[^./]+$/, '');
}
