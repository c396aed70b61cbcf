// A page has no sharp. Its twin is sharp.node.ts.
import { SettingError } from '../util/check.js'

export function decodeBySharp(): never {
  throw new SettingError('decoder', 'must be own in a page, got sharp')
}

export const sharpVersion = decodeBySharp
