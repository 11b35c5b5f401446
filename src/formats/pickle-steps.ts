// The opcodes of pickles, with the names of Python's pickletools.

import { Inert } from './inert.ts';
import { type Machine, PickleError } from './pickle-machine.ts';

/** The opcode that ends a pickle. */
export const STOP = 0x2e;

/** What each opcode does to the machine. */
export const steps: ReadonlyMap<number, (m: Machine) => void> = new Map<
  number,
  (m: Machine) => void
>([
  [0x80, (m) => void m.uint(1)], // PROTO
  [0x95, (m) => void m.uint(8)], // FRAME
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x31, (m) => void m.items()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x4b, (m) => m.push(m.uint(1))], // BININT1
  [0x4d, (m) => m.push(m.uint(2))], // BININT2
  [0x8a, (m) => m.push(m.long(m.uint(1)))], // LONG1
  [0x8b, (m) => m.push(m.long(m.int32()))], // LONG4
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x55, (m) => m.push(m.text(m.uint(1)))], // SHORT_BINSTRING
  [0x54, (m) => m.push(m.text(m.uint(4)))], // BINSTRING
  [0x8c, (m) => m.push(m.text(m.uint(1)))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.text(m.uint(4)))], // BINUNICODE
  [0x8d, (m) => m.push(m.text(m.uint(8)))], // BINUNICODE8
  [0x43, (m) => m.create(m.raw(m.uint(1)))], // SHORT_BINBYTES
  [0x42, (m) => m.create(m.raw(m.uint(4)))], // BINBYTES
  [0x8e, (m) => m.create(m.raw(m.uint(8)))], // BINBYTES8
  [0x96, (m) => m.create(m.raw(m.uint(8)))], // BYTEARRAY8
  [0x29, (m) => m.create([])], // EMPTY_TUPLE
  [0x5d, (m) => m.create([])], // EMPTY_LIST
  [0x7d, (m) => m.create(new Map())], // EMPTY_DICT
  [0x8f, (m) => m.create(new Inert('builtins.set'))], // EMPTY_SET
  [0x85, (m) => m.create(m.last(1))], // TUPLE1
  [0x86, (m) => m.create(m.last(2))], // TUPLE2
  [0x87, (m) => m.create(m.last(3))], // TUPLE3
  [0x74, (m) => m.create(m.items())], // TUPLE
  [0x91, (m) => m.create(m.items())], // FROZENSET
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.items())], // APPENDS
  [0x90, (m) => m.append(m.items())], // ADDITEMS
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
  [0x52, (m) => callLast(m)], // REDUCE
  [0x81, (m) => callLast(m)], // NEWOBJ
  [0x92, (m) => callNamed(m)], // NEWOBJ_EX
  [0x69, (m) => instance(m, `${m.line()}.${m.line()}`)], // INST
  [0x6f, (m) => object(m)], // OBJ
  [0x62, (m) => void m.pop()], // BUILD: attributes, which are of no use here
]);

function callLast(m: Machine): void {
  const [callee, args] = m.last(2);
  m.call(callee, args);
}

/** Arguments by name come last. */
function callNamed(m: Machine): void {
  m.pop();
  callLast(m);
}

/** Objects of Python 2's older classes. */
function instance(m: Machine, path: string): void {
  m.items();
  m.create(new Inert(path));
}

function object(m: Machine): void {
  const [callee, ...args] = m.items();
  m.call(callee, args);
}

/** A part of a name; nothing else is made into text, which nested lists could make endless. */
function wordOf(value: unknown): string {
  if (typeof value !== 'string') throw new PickleError('a name that is no text');
  return value;
}
