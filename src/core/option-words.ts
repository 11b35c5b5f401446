// What messages call options: flags for whoever sits at a command line, names of options for whoever
// calls a function. Messages are written with flags; this is the one place that puts them otherwise.

/** Set for the process, so that threads and processes which are started later speak alike. */
const SWITCH = 'FIELDMARK_FLAGS';

const env: Record<string, string | undefined> = globalThis.process?.env ?? {};

/** From here on messages are for somebody at a command line. */
export function speakOfFlags(): void {
  env[SWITCH] = '1';
}

/** A message for whoever reads it: as it is, or with the names of options where it has flags. */
export function forReader(text: string): string {
  return env[SWITCH] === '1' ? text : withoutFlags(text);
}

/** Flags that are not options of the same name in a program. */
const otherWords: Readonly<Record<string, string>> = {
  resume: "mode 'resume'",
  overwrite: "mode 'overwrite'",
  mean: "'input.mean'",
  std: "'input.std'",
  feature: "'trunk.feature'",
  'max-megapixels': 'maxPixels',
  build: 'buildPhotoIndex()',
  set: 'the configuration',
};

/** A setting that `--set` changes; configurations in a program call the first part `stage`. */
const SETTING = /--set (stages(?=\.))?(?=[\w.]*\w)/g;

/** What stands behind a flag is its value where it cannot be a word of the sentence. */
const VALUE = [
  String.raw`[\w./-]*[A-Z\d_](?:[\w./:-]*\w)?`,
  String.raw`[\w-]+:[\w./:-]*\w`,
  'cpu|webgpu|auto|portable|blocked|val|test|none|finetune|scda|compact-bilinear',
].join('|');

const FLAG = new RegExp(`(?<![\\w-])('?)--([a-z][a-z-]*)(?: (${VALUE})(?![\\w/-]))?\\1`, 'g');

/** A message with the names of options where it has flags; commands in quotes stay as they are. */
export function withoutFlags(text: string): string {
  return text
    .split(/('fieldmark [^']*')/)
    .map((piece, i) => (i % 2 === 1 ? piece : renamed(piece)))
    .join('');
}

function renamed(piece: string): string {
  return piece
    .replaceAll('--build and --overwrite', '--build')
    .replaceAll(SETTING, (_, stages?: string) => (stages === undefined ? '' : 'stage'))
    .replaceAll(FLAG, (_, _quote, flag: string, value?: string) => {
      const name = flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      if (value !== undefined) return `${name} '${value}'`;
      return otherWords[flag] ?? `'${name}'`;
    });
}
