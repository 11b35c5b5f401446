// Which photographs a model has seen, by their content: small enough to travel with the model, so that
// whoever evaluates it later can tell what it was trained on, wherever these photographs lie.

/** First 32 bits of the SHA-256 of each photograph, sorted, little-endian, in base64. */
export interface SeenImages {
  /** Photographs that the network was trained on. */
  readonly trained: string;
  /** Those that chose its epochs and fitted its temperature. */
  readonly chosen: string;
  /** Of many photographs only those are kept whose number is divisible by this. */
  readonly every: number;
}

/** How many of some photographs a model has seen. */
export interface SeenCount {
  readonly images: number;
  readonly trained: number;
  readonly chosen: number;
}

/** Numbers that are kept at most: 200 kB in base64 each. */
const MOST = 40_000;

/** SHA-256s in hexadecimal, as `checkImages` gives them. */
export function rememberSeen(trained: readonly string[], chosen: readonly string[]): SeenImages {
  const every = Math.max(1, Math.ceil(Math.max(trained.length, chosen.length) / MOST));
  const packed = (hashes: readonly string[]) => {
    const numbers = hashes.map(numberOf).filter((number) => number % every === 0);
    const bytes = Buffer.alloc(4 * numbers.length);
    for (const [i, number] of numbers.sort((a, b) => a - b).entries()) {
      bytes.writeUInt32LE(number, 4 * i);
    }
    return bytes.toString('base64');
  };
  return { trained: packed(trained), chosen: packed(chosen), every };
}

/**
 * How many of these photographs were seen: exact but for one in some 100 000, and an estimate where only
 * some were kept.
 */
export function countSeen(hashes: readonly string[], seen: SeenImages): SeenCount {
  const trained = unpacked(seen.trained);
  const chosen = unpacked(seen.chosen);
  const asked = hashes.map(numberOf).filter((number) => number % seen.every === 0);
  const share = (of: ReadonlySet<number>) =>
    asked.length === 0 ? 0 : asked.filter((number) => of.has(number)).length / asked.length;
  const images = hashes.length;
  const count = (of: ReadonlySet<number>) => Math.round(share(of) * images);
  return { images, trained: count(trained), chosen: count(chosen) };
}

function unpacked(text: string): ReadonlySet<number> {
  const bytes = Buffer.from(text, 'base64');
  const count = Math.floor(bytes.length / 4);
  return new Set(Array.from({ length: count }, (_, i) => bytes.readUInt32LE(4 * i)));
}

function numberOf(hash: string): number {
  return Number.parseInt(hash.slice(0, 8), 16);
}
