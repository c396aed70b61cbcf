// A moving average of parameters, in place: e += (1 - decay)·(p - e), which leaves alone what stays the same; or with
// SWAP both exchanged. p, e: [n] as vec4. One invocation a vec4.
// @each 4
// @include lib/index.wgsl
override SWAP: bool;
struct Params { n: u32, share: f32 }
@group(0) @binding(0) var<storage, read_write> p: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> e: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let own = p[i];
  let average = e[i];
  if (SWAP) {
    p[i] = average;
    e[i] = own;
  } else {
    e[i] = average + params.share * (own - average);
  }
}
