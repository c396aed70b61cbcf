// A reader of Python's pickle format that builds data and calls nothing: containers, numbers, texts, and the few names
// that the caller knows.
import { RadiogradError } from '../util/check.js'

/** A name like `torch.FloatStorage` that the pickle referred to. */
export class Global {
  constructor(readonly name: string) {}
}

export interface PickleHost {
  /** The file, for messages. */
  file: string
  /** What calling a known name with arguments gives; throws for unknown names. */
  call(name: string, args: readonly unknown[]): unknown
  /** Whether a name may appear at all. */
  knows(name: string): boolean
  /** What a persistent id stands for. */
  persistent(id: unknown): unknown
}

const MARK = Symbol('mark')

/**
 * Values: numbers, bigints, texts, booleans, null, arrays (lists, tuples, sets), Maps (dicts), Uint8Arrays, what `host`
 * makes, Globals.
 */
export function unpickle(bytes: Uint8Array, host: PickleHost): unknown {
  const fail = (why: string): never => {
    throw new RadiogradError(`${host.file}: its pickle is not valid, ${why}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stack: unknown[] = []
  const memo: unknown[] = []
  let at = 0
  const take = (n: number): number => {
    if (n < 0 || at + n > bytes.length) fail('it is cut off')
    at += n
    return at - n
  }
  const u8 = () => bytes[take(1)]
  const u16 = () => view.getUint16(take(2), true)
  const u32 = () => view.getUint32(take(4), true)
  const size64 = () => {
    const n = view.getBigUint64(take(8), true)
    return n > BigInt(bytes.length) ? fail('it is cut off') : Number(n)
  }
  const blob = (n: number) => bytes.subarray(take(n), at)
  const text = (n: number) => new TextDecoder().decode(blob(n))
  const line = () => {
    const end = bytes.indexOf(10, at)
    return end < 0 ? fail('it is cut off') : text(end - at + 1).slice(0, -1)
  }
  const pop = () => (stack.length && stack[stack.length - 1] !== MARK ? stack.pop() : fail('its stack is empty'))
  const top = () => (stack.length ? stack[stack.length - 1] : fail('its stack is empty'))
  const toMark = () => {
    const mark = stack.lastIndexOf(MARK)
    if (mark < 0) fail('a mark is missing')
    const items = stack.splice(mark)
    return items.slice(1)
  }
  const long = (n: number) => {
    const raw = blob(n)
    let value = 0n
    for (let i = n - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i])
    if (n && raw[n - 1] & 0x80) value -= 1n << BigInt(8 * n)
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
  }
  const global = (module: unknown, name: unknown) => {
    const full = `${String(module)}.${String(name)}`
    if (!host.knows(full)) throw new RadiogradError(`${host.file}: refused to load, the pickle asks for ${full}`)
    return new Global(full)
  }
  const called = (callee: unknown, args: unknown) => {
    if (!(callee instanceof Global) || !Array.isArray(args)) return fail('it calls something that is not a name')
    return host.call(callee.name, args)
  }
  const items = (container: unknown, pairs: unknown[]) => {
    if (!(container instanceof Map) || pairs.length % 2) fail('it sets items of something that is not a dict')
    for (let i = 0; i < pairs.length; i += 2) (container as Map<unknown, unknown>).set(pairs[i], pairs[i + 1])
  }
  const append = (container: unknown, values: unknown[]) => {
    if (!Array.isArray(container)) fail('it appends to something that is not a list')
    for (const v of values) (container as unknown[]).push(v)
  }
  const recall = (i: number) => (i in memo ? memo[i] : fail(`memo ${i} is empty`))
  const keep = (i: number) => {
    if (i > bytes.length) fail(`memo ${i} is out of range`)
    memo[i] = top()
  }

  // Opcodes of protocols 0 to 5, by their letters in Python's pickletools.
  for (;;) {
    const op = u8()
    switch (String.fromCharCode(op)) {
      case '\x80':
        u8()
        break // PROTO
      case '\x95':
        take(8)
        break // FRAME
      case '.':
        return pop() // STOP
      case '(':
        stack.push(MARK)
        break
      case '0':
        pop()
        break
      case '1':
        toMark()
        break
      case '2':
        stack.push(top())
        break
      case 'N':
        stack.push(null)
        break
      case '\x88':
        stack.push(true)
        break
      case '\x89':
        stack.push(false)
        break
      case 'J':
        stack.push(view.getInt32(take(4), true))
        break
      case 'K':
        stack.push(u8())
        break
      case 'M':
        stack.push(u16())
        break
      case 'I': {
        const t = line()
        stack.push(t === '01' ? true : t === '00' ? false : Number(t))
        break
      }
      case 'L':
        stack.push(Number(line().replace(/L$/, '')))
        break
      case 'F':
        stack.push(Number(line()))
        break
      case '\x8a':
        stack.push(long(u8()))
        break
      case '\x8b':
        stack.push(long(u32()))
        break
      case 'G':
        stack.push(view.getFloat64(take(8), false))
        break
      case 'X':
        stack.push(text(u32()))
        break
      case '\x8c':
        stack.push(text(u8()))
        break
      case '\x8d':
        stack.push(text(size64()))
        break
      case 'V':
        stack.push(line())
        break
      case 'U':
        stack.push(text(u8()))
        break
      case 'T':
        stack.push(text(u32()))
        break
      case 'S':
        stack.push(line().replace(/^['"]|['"]$/g, ''))
        break
      case 'C':
        stack.push(blob(u8()))
        break
      case 'B':
        stack.push(blob(u32()))
        break
      case '\x8e':
        stack.push(blob(size64()))
        break
      case ']':
      case ')':
      case '\x8f':
        stack.push([])
        break
      case '}':
        stack.push(new Map())
        break
      case 'l':
      case 't':
      case '\x91':
        stack.push(toMark())
        break
      case 'd': {
        const pairs = toMark()
        const map = new Map()
        items(map, pairs)
        stack.push(map)
        break
      }
      case '\x85':
        stack.push([pop()])
        break
      case '\x86': {
        const b = pop()
        stack.push([pop(), b])
        break
      }
      case '\x87': {
        const c = pop()
        const b = pop()
        stack.push([pop(), b, c])
        break
      }
      case 'a': {
        const v = pop()
        append(top(), [v])
        break
      }
      case 'e':
      case '\x90': {
        const v = toMark()
        append(top(), v)
        break
      }
      case 's': {
        const v = pop()
        const k = pop()
        items(top(), [k, v])
        break
      }
      case 'u': {
        const v = toMark()
        items(top(), v)
        break
      }
      case 'p':
        keep(Number(line()))
        break
      case 'q':
        keep(u8())
        break
      case 'r':
        keep(u32())
        break
      case '\x94':
        memo.push(top())
        break
      case 'g':
        stack.push(recall(Number(line())))
        break
      case 'h':
        stack.push(recall(u8()))
        break
      case 'j':
        stack.push(recall(u32()))
        break
      case 'c': {
        const module = line()
        stack.push(global(module, line()))
        break
      }
      case '\x93': {
        const name = pop()
        stack.push(global(pop(), name))
        break
      }
      case 'R': {
        const args = pop()
        stack.push(called(pop(), args))
        break
      }
      case '\x81': {
        const args = pop()
        stack.push(called(pop(), args))
        break
      }
      case 'b': {
        const state = pop()
        if (state instanceof Map && top() instanceof Map) items(top(), [...state].flat())
        break
      }
      case 'P':
        stack.push(host.persistent(line()))
        break
      case 'Q':
        stack.push(host.persistent(pop()))
        break
      default:
        fail(`opcode 0x${op.toString(16)} is not known`)
    }
  }
}
