// After a step: a factor that made gradients overflow shrinks, one that did not for `interval` steps grows, but never
// beyond what is finite. scaler: lib/scaler.wgsl. One invocation.
// @include lib/scaler.wgsl
struct Params { growth: f32, backoff: f32, interval: u32 }
@group(0) @binding(0) var<storage, read_write> scaler: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  let scale = bitcast<f32>(scaler[SCALE]);
  if (scaler[FOUND] != 0u) {
    scaler[SCALE] = bitcast<u32>(scale * params.backoff);
    scaler[CLEAN] = 0u;
    scaler[FOUND] = 0u;
    scaler[SKIPPED] += 1u;
    return;
  }
  scaler[CLEAN] += 1u;
  if (scaler[CLEAN] < params.interval) { return; }
  scaler[CLEAN] = 0u;
  let grown = bitcast<u32>(scale * params.growth);
  if ((grown & 0x7f800000u) != 0x7f800000u) { scaler[SCALE] = grown; }
}
