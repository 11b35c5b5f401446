// The machine with a stack that pickles are programs for. It can build plain values and no more: names
// mean what the caller says, and a call of anything else leaves an inert placeholder.

import { Inert } from './inert.ts';

/** Why a pickle cannot be read. */
export class PickleError extends Error {}

/** Of a pickle that goes on behind the bytes at hand. */
export const ENDS_EARLY = 'one that ends early';

/** What a pickle may refer to beyond itself. Both throw for what is not allowed. */
export interface PickleHost {
  /** What a name such as `collections.OrderedDict` stands for. Functions may be called. */
  name(path: string): unknown;
  /** The object with a persistent id. */
  persistent(id: unknown): unknown;
}

/** Each takes up to 200 bytes, for an empty dictionary. */
const MAX_OBJECTS = 2 ** 21;

/** Functions of this package take fewer; a call spreads them over the native stack. */
const MAX_ARGUMENTS = 16;

/** No count has more bytes; the time that a longer number takes is not proportional to its length. */
const LONGEST_NUMBER = 255;

/** The stack, the memory and the place in the bytes. */
export class Machine {
  at: number;
  readonly host: PickleHost;
  readonly memo: Map<number, unknown> = new Map();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: unknown[] = [];
  /** Heights of the stack at the marks. */
  readonly #marks: number[] = [];
  #objects = 0;

  constructor(bytes: Uint8Array, from: number, host: PickleHost) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = from;
    this.host = host;
  }

  /** Moves over so many bytes and returns where they start. */
  #over(length: number): number {
    const start = this.at;
    if (length > this.#bytes.length - start) throw new PickleError(ENDS_EARLY);
    this.at += length;
    return start;
  }

  uint(width: 1 | 2 | 4 | 8): number {
    const at = this.#over(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at, true);
    if (width === 4) return this.#view.getUint32(at, true);
    return Number(this.#view.getBigUint64(at, true));
  }

  int32(): number {
    return this.#view.getInt32(this.#over(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.#over(8), false);
  }

  /** A whole number of any length, the least byte first; beyond 2^53 it is rounded, or NaN. */
  long(length: number): number {
    if (length < 0) throw new PickleError('a number of negative length');
    let value = 0n;
    const start = this.#over(length);
    if (length > LONGEST_NUMBER) return Number.NaN;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]);
    return Number(BigInt.asIntN(8 * length, value));
  }

  raw(length: number): Uint8Array {
    const start = this.#over(length);
    return this.#bytes.subarray(start, this.at);
  }

  text(length: number): string {
    return decoder.decode(this.raw(length));
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.at);
    if (end < 0) throw new PickleError(ENDS_EARLY);
    const line = this.text(end - this.at);
    this.at++;
    return line;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  /** The same of an object that takes memory of its own. */
  create(value: unknown): void {
    if (++this.#objects > MAX_OBJECTS) throw new PickleError(`more than ${MAX_OBJECTS} objects`);
    this.#stack.push(value);
  }

  pop(): unknown {
    this.top();
    return this.#stack.pop();
  }

  top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw new PickleError('an empty stack');
    return this.#stack[this.#stack.length - 1];
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** Everything above the last mark. */
  items(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new PickleError('items without a mark');
    return this.#stack.splice(mark);
  }

  last(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  /** Puts pairs into the dictionary below them. */
  set(pairs: readonly unknown[]): void {
    const below = this.top();
    const target = below instanceof Inert ? below.dictionary() : below;
    if (!(target instanceof Map)) throw new PickleError('items of what is no dictionary');
    for (let i = 0; i + 1 < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  }

  append(values: readonly unknown[]): void {
    const target = this.top();
    if (target instanceof Inert) return;
    if (!Array.isArray(target)) throw new PickleError('items of what is no list');
    for (const value of values) target.push(value);
  }

  /** Of a function that the host knows; what else a pickle would call or create stays inert. */
  call(callee: unknown, args: unknown): void {
    if (callee instanceof Inert) {
      this.create(new Inert(callee.path));
      return;
    }
    const fits = typeof callee === 'function' && Array.isArray(args);
    if (!fits || args.length > MAX_ARGUMENTS)
      throw new PickleError('a call of what is no function');
    this.create(callee(...args));
  }

  remember(key: number): void {
    this.memo.set(key, this.top());
  }

  recall(key: number): void {
    if (!this.memo.has(key)) throw new PickleError('a reference to nothing');
    this.push(this.memo.get(key));
  }
}

const decoder = new TextDecoder();
