// Words of a gradient scaler's state (src/optim/scaler.ts): the factor of the loss (bits of an f32), steps since it
// last changed, whether a gradient of this step is not finite, and how many steps were left out for that so far.
const SCALE = 0u;
const CLEAN = 1u;
const FOUND = 2u;
const SKIPPED = 3u;
