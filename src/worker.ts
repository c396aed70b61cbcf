// radiograd/worker: training in a worker, both sides of it. A page that uses `spawn` alone loads nothing of the engine.
/// <reference types="@webgpu/types" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />
export { type Runs, spawn } from './app/spawn.js'
export type { Calls, Channel, InStore, MemoryOptions, ReportRunOptions } from './app/calls.js'
export { serveRuns } from './app/serveRuns.js'
export { type TestPredictions, parsePredictions } from './app/predictions.js'
export type { Arranged } from './app/arrange.js'
export type { TrainSettings } from './app/settingTables.js'
export type * from './app/events.js'
