// Optimizers and learning-rate schedules: `optim` of the public entry point.
export { Adam, AdamW, type AdamOptions } from './adam.js'
export { clipGradNorm } from './clip.js'
export { ModelEma } from './ema.js'
export { Optimizer, type OptimizerState, type ParameterGroup } from './optimizer.js'
export { Proximal } from './proximal.js'
export { GradScaler, type GradScalerOptions } from './scaler.js'
export { type PlateauOptions, cosine, oneCycle, reduceOnPlateau, stepDecay, warmUp } from './schedule.js'
export { SGD, type SgdOptions } from './sgd.js'
