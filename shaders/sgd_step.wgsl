// One SGD step over a run of parameters that lie side by side: p, g, buffer [n] as vec4 (torch.optim.SGD).
// d = g + decay·p; with momentum: buffer = d on a parameter's first step, momentum·buffer + (1-dampening)·d later;
// nesterov looks ahead; p -= lr·d. counts: steps taken, one number for 64 elements, from `block` on. With a scaler,
// nothing changes in a step whose gradients are not finite (lib/scaler.wgsl). One invocation a vec4.
// @each 4
// @include lib/index.wgsl
// @include lib/scaler.wgsl
struct Params { n: u32, lr: f32, decay: f32, momentum: f32, one_minus_dampening: f32, nesterov: u32, block: u32 }
@group(0) @binding(0) var<storage, read_write> p: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> buffer: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scaler: array<u32>;
@group(0) @binding(4) var<storage, read> counts: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;
override has_scaler: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  if (has_scaler) { if (scaler[FOUND] != 0u) { return; } }
  var d = g[i] + params.decay * p[i];
  if (params.momentum != 0.0) {
    let moved =
      select(params.momentum * buffer[i] + params.one_minus_dampening * d, d, counts[params.block + i / 16u] == 1u);
    buffer[i] = moved;
    d = select(moved, d + params.momentum * moved, params.nesterov != 0u);
  }
  p[i] -= params.lr * d;
}
