// What the three passes of a depthwise convolution share.
// Neighbours that an invocation computes: pixels of a line, or taps of the weight.
const RUN = 4u;
const LAST = RUN - 1u;
// Whether what neighbours see moves on by one pixel from step to step, so that one in RUN is to be loaded.
override SLIDES: bool;
