// Gradients of squeeze-excite for its layers, out of what squeezeexcite_backward_gate gives, summed over N images: dw1
// [C, S], db1 [S], dw2 [S, C], db2 [C]. One invocation an element of dw1 and of dw2, ceil(S·C / 64) workgroups.
// @include lib/squeeze.wgsl
// @include lib/index.wgsl
struct Params { images: u32, channels: u32, squeezed: u32 }
@group(0) @binding(0) var<storage, read> means: array<f32>;
@group(0) @binding(1) var<storage, read> hidden: array<f32>;
@group(0) @binding(2) var<storage, read> dhidden: array<f32>;
@group(0) @binding(3) var<storage, read> dgate: array<f32>;
@group(0) @binding(4) var<storage, read_write> dw1: array<f32>;
@group(0) @binding(5) var<storage, read_write> db1: array<f32>;
@group(0) @binding(6) var<storage, read_write> dw2: array<f32>;
@group(0) @binding(7) var<storage, read_write> db2: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  let C = params.channels;
  let S = params.squeezed;
  if (at >= S * C) { return; }
  let c = at % C;
  let j = at / C;
  var sums: vec4<f32>;
  for (var n = 0u; n < params.images; n++) {
    let dh = dhidden[n * S + j];
    let dg = dgate[n * C + c];
    sums += vec4<f32>(means[n * C + c] * dh, dh, between(hidden[n * S + j]) * dg, dg);
  }
  dw1[c * S + j] = sums.x;
  dw2[at] = sums.z;
  if (c == 0u) { db1[j] = sums.y; }
  if (j == 0u) { db2[c] = sums.w; }
}
