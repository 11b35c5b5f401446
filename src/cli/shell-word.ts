// Commands that are printed, so that they can be pasted.

/** A word of a command line, quoted where a shell would take it apart. */
export function shellWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command that runs wherever fieldmark is installed, in a project or for the whole machine. */
export function commandLine(...words: readonly string[]): string {
  return ['npx fieldmark', ...words.map(shellWord)].join(' ');
}
