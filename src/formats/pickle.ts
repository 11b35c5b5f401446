// Pickles, Python's serialised objects, as far as dictionaries of tensors need them. A pickle is a
// program for a machine with a stack. This machine can build plain values and no more: names mean
// what the caller says, and whatever else an opcode could do is an error.

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

/**
 * Reads one pickle of protocol 2 to 5, from the byte `from` on. Tuples and lists become arrays,
 * dictionaries Maps, None null. The work is proportional to the length of the pickle, but for what
 * `host` does. Throws a PickleError, or what `host` throws.
 */
export function readPickle(
  bytes: Uint8Array,
  from: number,
  host: PickleHost,
): { value: unknown; end: number } {
  const machine = new Machine(bytes, from, host);
  for (let left = MAX_STEPS; left > 0; left--) {
    const opcode = machine.uint(1);
    if (opcode === STOP) return { value: machine.pop(), end: machine.at };
    const step = steps.get(opcode);
    if (step === undefined) throw new PickleError(`opcode ${opcode}, which no state dict needs`);
    step(machine);
  }
  throw new PickleError(`more than ${MAX_STEPS} steps`);
}

/** Some forty make a tensor. A step takes up to 200 bytes, for an empty dictionary. */
const MAX_STEPS = 2 ** 21;

/** Functions of this package take fewer; a call spreads them over the native stack. */
const MAX_ARGUMENTS = 16;

class Machine {
  at: number;
  readonly host: PickleHost;
  readonly memo: Map<number, unknown> = new Map();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: unknown[] = [];
  /** Heights of the stack at the marks. */
  readonly #marks: number[] = [];

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

  /** A whole number of any length, the least byte first; beyond 2^53 it is rounded. */
  long(length: number): number {
    let value = 0n;
    const start = this.#over(length);
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
    const target = this.top();
    if (!(target instanceof Map)) throw new PickleError('items of what is no dictionary');
    for (let i = 0; i + 1 < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  }

  append(values: readonly unknown[]): void {
    const target = this.top();
    if (!Array.isArray(target)) throw new PickleError('items of what is no list');
    for (const value of values) target.push(value);
  }

  call(): void {
    const [callee, args] = this.last(2);
    const fits = typeof callee === 'function' && Array.isArray(args);
    if (!fits || args.length > MAX_ARGUMENTS)
      throw new PickleError('a call of what is no function');
    this.push(callee(...args));
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
const STOP = 0x2e;

/** By opcode, with the names of Python's pickletools. */
const steps: ReadonlyMap<number, (m: Machine) => void> = new Map<number, (m: Machine) => void>([
  [0x80, (m) => void m.uint(1)], // PROTO
  [0x95, (m) => void m.uint(8)], // FRAME
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x4b, (m) => m.push(m.uint(1))], // BININT1
  [0x4d, (m) => m.push(m.uint(2))], // BININT2
  [0x8a, (m) => m.push(m.long(m.uint(1)))], // LONG1
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x55, (m) => m.push(m.text(m.uint(1)))], // SHORT_BINSTRING
  [0x54, (m) => m.push(m.text(m.uint(4)))], // BINSTRING
  [0x8c, (m) => m.push(m.text(m.uint(1)))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.text(m.uint(4)))], // BINUNICODE
  [0x8d, (m) => m.push(m.text(m.uint(8)))], // BINUNICODE8
  [0x43, (m) => m.push(m.raw(m.uint(1)))], // SHORT_BINBYTES
  [0x42, (m) => m.push(m.raw(m.uint(4)))], // BINBYTES
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [0x85, (m) => m.push(m.last(1))], // TUPLE1
  [0x86, (m) => m.push(m.last(2))], // TUPLE2
  [0x87, (m) => m.push(m.last(3))], // TUPLE3
  [0x74, (m) => m.push(m.items())], // TUPLE
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.items())], // APPENDS
  [0x73, (m) => m.set(m.last(2))], // SETITEM
  [0x75, (m) => m.set(m.items())], // SETITEMS
  [0x71, (m) => m.remember(m.uint(1))], // BINPUT
  [0x72, (m) => m.remember(m.uint(4))], // LONG_BINPUT
  [0x94, (m) => m.remember(m.memo.size)], // MEMOIZE
  [0x68, (m) => m.recall(m.uint(1))], // BINGET
  [0x6a, (m) => m.recall(m.uint(4))], // LONG_BINGET
  [0x63, (m) => m.push(m.host.name(`${m.line()}.${m.line()}`))], // GLOBAL
  [0x93, (m) => m.push(m.host.name(m.last(2).map(wordOf).join('.')))], // STACK_GLOBAL
  [0x51, (m) => m.push(m.host.persistent(m.pop()))], // BINPERSID
  [0x52, (m) => m.call()], // REDUCE
  [0x62, (m) => void m.pop()], // BUILD: attributes, which are of no use here
]);

/** A part of a name; nothing else is made into text, which nested lists could make endless. */
function wordOf(value: unknown): string {
  if (typeof value !== 'string') throw new PickleError('a name that is no text');
  return value;
}
