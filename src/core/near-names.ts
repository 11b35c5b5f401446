// Names that somebody may have meant.

/** A name as it is compared: without case, number in front, and kind of separator. */
export function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\d+[.\s_-]+(?=\D)/, '')
    .replaceAll(/[\s_.-]+/g, ' ')
    .trim();
}

/** The names most like `wished`: those that contain it, then those of few typing errors. */
export function nearNames(wished: string, names: readonly string[], most = 3): string[] {
  const word = plainName(wished);
  const ranked = names.map((name) => {
    const plain = plainName(name);
    const inside = word.length >= 3 && plain.includes(word);
    return { name, errors: inside ? 0 : typingErrors(word, plain) };
  });
  const close = ranked.filter(({ errors }) => errors <= Math.max(2, word.length * 0.4));
  return close
    .sort((a, b) => a.errors - b.errors)
    .slice(0, most)
    .map(({ name }) => name);
}

/** Letters to insert, delete or replace (Levenshtein 1966). */
function typingErrors(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
