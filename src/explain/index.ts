// Why a model decided as it did, as a heat map over the image: `explain` of the public entry point. Such maps are
// weaker than a radiologist's (Saporta et al. 2022): look at their share on the border and at what randomised weights
// make of them.
export { type AttentionMapOptions, attentionGradient, attentionRollout } from './attention.js'
export { type GradCamOptions, gradCam } from './gradCam.js'
export type { Explained } from './inspect.js'
export { type Region, borderShare, heatColour, normalised, overlay, seenRegion, upsample } from './map.js'
export { type Explanation, type HeatMap, readExplanations } from './read.js'
export { type RandomisedMap, mapCorrelation, withRandomisedWeights } from './sanity.js'
