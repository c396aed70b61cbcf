// A reader of Python's pickle format that builds data and calls nothing: containers, whole numbers, texts, and what the
// caller makes of the names it knows. As strict as Python's own reader; everything else becomes an inert object.
import type { Budget } from '../util/budget.js'
import { fileError, printable } from '../util/check.js'

/** A name like `torch.FloatStorage` that the pickle referred to. */
export class Global {
  constructor(readonly name: string) {}
}

/** A Python object that is no weight, such as an instance of a class or a date; nothing was imported or called. */
export class Inert {
  /** What its class would set, where the pickle says. */
  state: unknown = null
  /** Its items, where it is a kind of dict. */
  items: Dict | null = null

  /** `kind` is the class. `open` objects take state and items, as instances of classes do. */
  constructor(
    readonly kind: string,
    readonly open = false,
  ) {}
}

/** A dict; tuples as keys count as different even where Python would call them equal. */
export class Dict {
  /** `attributes`: whether it may also take a state, as an OrderedDict. */
  constructor(readonly attributes = false) {}

  readonly entries = new Map<unknown, unknown>()
}

/** A list, tuple, set or frozenset. */
export class Sequence {
  constructor(
    readonly kind: 'list' | 'tuple' | 'set' | 'frozenset',
    readonly items: unknown[],
    /** Whether it may be a key of a dict. */
    readonly hashable: boolean,
  ) {}
}

/** A float. None decides what is loaded, so their values are not kept. */
const FLOAT = new Inert('float')

/** What a pickle may cost. Bytes are an estimate of what its objects take. */
export type PickleCosts = 'pickle opcodes' | 'bytes of pickled objects'

export interface PickleHost {
  /** The file, for messages. */
  file: string
  budget: Budget<PickleCosts>
  /** Whether a name may appear at all. */
  allows(name: string): boolean
  /** What calling a known name with arguments gives; throws for unknown names. */
  call(name: string, args: readonly unknown[]): unknown
  /** What `name.__new__` gives: an instance of a class. */
  create(name: string, args: readonly unknown[]): unknown
  /** What a persistent id stands for. */
  persistent(id: unknown): unknown
}

const MAX_PROTOCOL = 5
const MAX_LONG = 1024 // bytes of one whole number
/** Longer texts are no names but the contents of arrays: looked at, not kept. */
const MAX_TEXT = 2 ** 20

const hashable = (value: unknown) =>
  value instanceof Sequence ? value.hashable : !(value instanceof Dict || value instanceof ByteArray)

/** Python's bytearray, which unlike bytes is no key. */
class ByteArray {}

/** Charged for a new sequence of that many items. */
const sizeOfSequence = (items: number) => 96 + 8 * items
const SIZE_OF_ITEM = 80 // in a dict
const SIZE_OF_OBJECT = 64

/**
 * Reads one pickle from the front of `bytes`; `end` is where it stopped. Values: numbers and bigints, texts, booleans,
 * null, Uint8Arrays (bytes), Sequences, Dicts, Globals, Inert objects, and what `host` makes.
 */
export function unpickle(bytes: Uint8Array, host: PickleHost): { value: unknown; end: number } {
  const { budget } = host
  const fail = (why: string): never => {
    throw fileError(host.file, `its pickle is not valid, ${why}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const stack: unknown[] = []
  /** Heights of the stack at open marks. */
  const marks: number[] = []
  const memo: unknown[] = []
  let at = 0
  let opcodes = 0
  const charge = (size: number) => budget.spend('bytes of pickled objects', size)
  const take = (n: number): number => {
    if (at + n > bytes.length) fail('it is cut off')
    at += n
    return at - n
  }
  const u8 = () => bytes[take(1)]
  const u16 = () => view.getUint16(take(2), true)
  const u32 = () => view.getUint32(take(4), true)
  const u64 = () => {
    const n = view.getBigUint64(take(8), true)
    return n > BigInt(bytes.length) ? fail('it is cut off') : Number(n)
  }
  const blob = (n: number) => {
    charge(SIZE_OF_OBJECT)
    return bytes.subarray(take(n), at)
  }
  const text = (n: number): string | Inert => {
    const from = take(n)
    charge(n > MAX_TEXT ? SIZE_OF_OBJECT : 32 + 2 * n)
    try {
      if (n <= MAX_TEXT) return decoder.decode(bytes.subarray(from, at))
      for (let i = from; i < at; i += MAX_TEXT)
        decoder.decode(bytes.subarray(i, Math.min(i + MAX_TEXT, at)), { stream: i + MAX_TEXT < at })
      return new Inert('a long text')
    } catch {
      return fail('a text is not UTF-8')
    }
  }
  const line = () => {
    const end = bytes.indexOf(10, at)
    const read = end < 0 ? fail('it is cut off') : text(end - at + 1)
    return typeof read === 'string' ? read.slice(0, -1) : fail('a text is not plain')
  }
  const integer = (digits: string) => (/^-?\d{1,15}$/.test(digits) ? Number(digits) : fail('a number is none'))
  const long = (n: number) => {
    if (n > MAX_LONG) fail(`a whole number has ${n} bytes`)
    const raw = bytes.subarray(take(n), at)
    let value = 0n
    for (let i = n - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i])
    if (n && raw[n - 1] & 0x80) value -= 1n << BigInt(8 * n)
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
  }
  /** What was pushed before the last open mark is out of reach. */
  const floor = () => marks[marks.length - 1] ?? 0
  const pop = () => (stack.length > floor() ? stack.pop() : fail('its stack is empty'))
  const top = () => (stack.length > floor() ? stack[stack.length - 1] : fail('its stack is empty'))
  const toMark = () => stack.splice(marks.pop() ?? fail('a mark is missing'))
  const push = (value: unknown) => void stack.push(value)
  const sequence = (kind: Sequence['kind'], items: unknown[]) => {
    charge(sizeOfSequence(items.length))
    const key = kind === 'tuple' || kind === 'frozenset'
    if (kind.endsWith('set') && !items.every(hashable)) fail('a set holds what it cannot')
    push(new Sequence(kind, items, key && items.every(hashable)))
  }
  const global = (module: unknown, name: unknown) => {
    if (typeof module !== 'string' || typeof name !== 'string') return fail('a name is no text')
    const full = `${module}.${name}`
    if (!host.allows(full)) throw refused(host.file, full)
    charge(SIZE_OF_OBJECT + 2 * full.length)
    return push(new Global(full))
  }
  const call = (how: 'call' | 'create', callee: unknown, args: unknown) => {
    if (!(callee instanceof Global) || !(args instanceof Sequence) || args.kind !== 'tuple')
      return fail('it calls something that is not a name')
    charge(SIZE_OF_OBJECT)
    return push(host[how](callee.name, args.items))
  }
  const setItems = (target: unknown, pairs: readonly unknown[]) => {
    const dict = target instanceof Inert && target.open ? (target.items ??= new Dict()) : target
    if (!(dict instanceof Dict) || pairs.length % 2) return fail('it sets items of something that is not a dict')
    charge((pairs.length / 2) * SIZE_OF_ITEM)
    for (let i = 0; i < pairs.length; i += 2) {
      if (!hashable(pairs[i])) fail('a key of a dict is none')
      dict.entries.set(pairs[i], pairs[i + 1])
    }
  }
  const append = (target: unknown, values: readonly unknown[], kind: 'list' | 'set') => {
    if (target instanceof Inert && target.open) return
    if (!(target instanceof Sequence) || target.kind !== kind) return fail(`it appends to something that is no ${kind}`)
    if (kind === 'set' && !values.every(hashable)) fail('a set holds what it cannot')
    charge(8 * values.length)
    for (const value of values) target.items.push(value)
  }
  const recall = (i: number) => push(i in memo ? memo[i] : fail(`memo ${i} is empty`))
  const keep = (i: number) => {
    // Python numbers what it keeps one by one.
    if (i > opcodes) fail(`memo ${i} is out of range`)
    charge(SIZE_OF_OBJECT)
    memo[i] = top()
  }
  const build = (target: unknown, state: unknown) => {
    if (target instanceof Inert && target.open) target.state = state
    else if (!(target instanceof Dict && target.attributes) || !(state instanceof Dict || state instanceof Sequence))
      fail('it sets the state of something that has none')
  }

  // Opcodes of protocols 0 to 5, by their names in Python's pickletools.
  for (;;) {
    budget.spend('pickle opcodes')
    opcodes++
    const op = u8()
    switch (op) {
      case 0x80: // PROTO
        if (u8() > MAX_PROTOCOL) fail('its protocol is not known')
        break
      case 0x95: // FRAME
        if (u64() > bytes.length - at) fail('it is cut off')
        break
      case 0x2e: // STOP
        return { value: pop(), end: at }
      case 0x28: // MARK
        marks.push(stack.length)
        break
      case 0x30: // POP takes a mark that is on top
        if (marks.length && marks[marks.length - 1] === stack.length) marks.pop()
        else pop()
        break
      case 0x31: // POP_MARK
        toMark()
        break
      case 0x32: // DUP
        push(top())
        break
      case 0x4e: // NONE
        push(null)
        break
      case 0x88: // NEWTRUE
        push(true)
        break
      case 0x89: // NEWFALSE
        push(false)
        break
      case 0x4a: // BININT
        push(view.getInt32(take(4), true))
        break
      case 0x4b: // BININT1
        push(u8())
        break
      case 0x4d: // BININT2
        push(u16())
        break
      case 0x49: {
        // INT
        const digits = line()
        push(digits === '01' ? true : digits === '00' ? false : integer(digits))
        break
      }
      case 0x4c: // LONG
        push(integer(line().replace(/L$/, '')))
        break
      case 0x46: // FLOAT
        if (!/^[-+.\w]+$/.test(line())) fail('a number is none')
        push(FLOAT)
        break
      case 0x47: // BINFLOAT
        take(8)
        push(FLOAT)
        break
      case 0x8a: // LONG1
        push(long(u8()))
        break
      case 0x8b: // LONG4
        push(long(u32()))
        break
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING
        push(text(u32()))
        break
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING
        push(text(u8()))
        break
      case 0x8d: // BINUNICODE8
        push(text(u64()))
        break
      case 0x56: // UNICODE
      case 0x53: {
        // STRING
        const raw = line()
        const quoted = op === 0x53 ? /^(['"])(.*)\1$/s.exec(raw)?.[2] : raw
        if (quoted === undefined || quoted.includes('\\')) fail('a text is not plain')
        push(quoted)
        break
      }
      case 0x43: // SHORT_BINBYTES
        push(blob(u8()))
        break
      case 0x42: // BINBYTES
        push(blob(u32()))
        break
      case 0x8e: // BINBYTES8
        push(blob(u64()))
        break
      case 0x96: // BYTEARRAY8
        take(u64())
        push(new ByteArray())
        break
      case 0x5d: // EMPTY_LIST
        sequence('list', [])
        break
      case 0x29: // EMPTY_TUPLE
        sequence('tuple', [])
        break
      case 0x8f: // EMPTY_SET
        sequence('set', [])
        break
      case 0x7d: // EMPTY_DICT
        charge(3 * SIZE_OF_OBJECT)
        push(new Dict())
        break
      case 0x6c: // LIST
        sequence('list', toMark())
        break
      case 0x74: // TUPLE
        sequence('tuple', toMark())
        break
      case 0x91: // FROZENSET
        sequence('frozenset', toMark())
        break
      case 0x64: {
        // DICT
        const dict = new Dict()
        charge(3 * SIZE_OF_OBJECT)
        setItems(dict, toMark())
        push(dict)
        break
      }
      case 0x85: // TUPLE1
        sequence('tuple', [pop()])
        break
      case 0x86: {
        // TUPLE2
        const b = pop()
        sequence('tuple', [pop(), b])
        break
      }
      case 0x87: {
        // TUPLE3
        const c = pop()
        const b = pop()
        sequence('tuple', [pop(), b, c])
        break
      }
      case 0x61: {
        // APPEND
        const value = pop()
        append(top(), [value], 'list')
        break
      }
      case 0x65: {
        // APPENDS
        const values = toMark()
        append(top(), values, 'list')
        break
      }
      case 0x90: {
        // ADDITEMS
        const values = toMark()
        append(top(), values, 'set')
        break
      }
      case 0x73: {
        // SETITEM
        const value = pop()
        const key = pop()
        setItems(top(), [key, value])
        break
      }
      case 0x75: {
        // SETITEMS
        const pairs = toMark()
        setItems(top(), pairs)
        break
      }
      case 0x70: // PUT
        keep(integer(line()))
        break
      case 0x71: // BINPUT
        keep(u8())
        break
      case 0x72: // LONG_BINPUT
        keep(u32())
        break
      case 0x94: // MEMOIZE
        keep(memo.length)
        break
      case 0x67: // GET
        recall(integer(line()))
        break
      case 0x68: // BINGET
        recall(u8())
        break
      case 0x6a: // LONG_BINGET
        recall(u32())
        break
      case 0x63: {
        // GLOBAL
        const module = line()
        global(module, line())
        break
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = pop()
        global(pop(), name)
        break
      }
      case 0x52: {
        // REDUCE
        const args = pop()
        call('call', pop(), args)
        break
      }
      case 0x81: {
        // NEWOBJ
        const args = pop()
        call('create', pop(), args)
        break
      }
      case 0x92: {
        // NEWOBJ_EX
        if (!(pop() instanceof Dict)) fail('it calls something that is not a name')
        const args = pop()
        call('create', pop(), args)
        break
      }
      case 0x62: {
        // BUILD
        const state = pop()
        build(top(), state)
        break
      }
      case 0x51: // BINPERSID
        push(host.persistent(pop()))
        break
      default:
        fail(`opcode 0x${op.toString(16)} is not known`)
    }
  }
}

/** The error for a name that might run something. */
export function refused(file: string, name: string): Error {
  return fileError(file, `refused to load, the pickle asks for ${printable(name, 100)}`)
}
