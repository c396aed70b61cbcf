// The engine's public face: opening it, and the types it speaks.
export type { Captured } from './capture.js'
export type { Engine, MemoryReport } from './engine.js'
export { type InitOptions, init } from './init.js'
export type { Result } from './record.js'
