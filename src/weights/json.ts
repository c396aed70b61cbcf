// A reader of JSON for untrusted headers. Unlike JSON.parse it knows integers from other numbers, refuses a key that
// comes twice in one object (also where one is written with escapes) and halves of surrogate pairs, and bounds depth.
import type { Budget } from '../util/budget.js'

/** A number that is not written as an integer from 0 to 2⁵³ - 1; its value is of no use here. */
export const OTHER_NUMBER: unique symbol = Symbol('number')

export type Json = null | boolean | number | typeof OTHER_NUMBER | string | Json[] | Map<string, Json>

/** serde_json's limit. */
const MAX_DEPTH = 127
const [TAB, NEWLINE, RETURN, SPACE, QUOTE, COMMA, COLON, BACKSLASH] = [...'\t\n\r ",:\\'].map((c) => c.charCodeAt(0))
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [...'[]{}'].map((c) => c.charCodeAt(0))

/** Reads a whole text. Objects are Maps. Calls `fail` with what is wrong; spends an entry for each value. */
export function parseJson(text: string, budget: Budget<'entries'>, fail: (why: string) => never): Json {
  let at = 0
  const broken = () => fail(`its header is not JSON at character ${at}`)
  const space = () => {
    for (;;) {
      const code = text.charCodeAt(at)
      if (code !== SPACE && code !== NEWLINE && code !== RETURN && code !== TAB) return code
      at++
    }
  }
  const expect = (code: number) => {
    if (space() !== code) broken()
    at++
  }
  const string = (): string => {
    if (space() !== QUOTE) return broken()
    const start = at++
    for (let code = 0; code !== QUOTE; at++) {
      code = text.charCodeAt(at)
      if (!(code >= SPACE)) return broken() // the end too, which is NaN
      if (code === BACKSLASH) at++
    }
    const raw = text.slice(start, at)
    if (!raw.includes('\\')) return raw.slice(1, -1)
    let value: string
    try {
      value = JSON.parse(raw)
    } catch {
      return broken()
    }
    return /\p{Cs}/u.test(value) ? fail('its header has half of a surrogate pair in a text') : value
  }
  const plain = (): Json => {
    const start = at
    while (/[-+.\w]/.test(text[at] ?? '')) at++
    const word = text.slice(start, at)
    if (/^(?:0|[1-9]\d{0,15})$/.test(word) && Number.isSafeInteger(Number(word))) return Number(word)
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word)) return OTHER_NUMBER
    return word === 'true' ? true : word === 'false' ? false : word === 'null' ? null : broken()
  }
  const value = (depth: number): Json => {
    budget.spend('entries')
    if (depth > MAX_DEPTH) fail(`its header is nested deeper than ${MAX_DEPTH}`)
    const first = space()
    if (first === OPEN_OBJECT) return object(depth)
    if (first === OPEN_LIST) return array(depth)
    return first === QUOTE ? string() : plain()
  }
  const object = (depth: number): Map<string, Json> => {
    const map = new Map<string, Json>()
    at++
    if (space() === CLOSE_OBJECT) {
      at++
      return map
    }
    for (;;) {
      const key = string()
      if (map.has(key)) fail(`'${key}' appears twice in its header`)
      expect(COLON)
      map.set(key, value(depth + 1))
      if (space() !== COMMA) break
      at++
    }
    expect(CLOSE_OBJECT)
    return map
  }
  const array = (depth: number): Json[] => {
    const list: Json[] = []
    at++
    if (space() === CLOSE_LIST) {
      at++
      return list
    }
    for (;;) {
      list.push(value(depth + 1))
      if (space() !== COMMA) break
      at++
    }
    expect(CLOSE_LIST)
    return list
  }
  const root = value(0)
  space()
  if (at !== text.length) broken()
  return root
}
