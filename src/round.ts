// radiograd/round: a site's part of a round of federated learning. Apart from the main entry point, so that a page that
// takes part in none loads nothing of it.
/// <reference types="@webgpu/types" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />
export { type RoundOptions, type RoundOutcome, type RoundResult, roundRun } from './app/round.js'
export { ROUND_SETTINGS, type RoundSettings } from './app/roundSettings.js'
