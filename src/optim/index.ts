// Optimizers and learning-rate schedules: `optim` of the public entry point.
export { Adam, AdamW, type AdamOptions } from './adam.js'
export { clipGradNorm } from './clip.js'
export { Optimizer, type OptimizerState, type ParameterGroup } from './optimizer.js'
export { GradScaler, type GradScalerOptions } from './scaler.js'
export { cosine, stepDecay } from './schedule.js'
export { SGD, type SgdOptions } from './sgd.js'
