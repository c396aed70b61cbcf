// Memory's rate: y = x, both [n] vec4, n a multiple of 64 · PER. A workgroup copies PER runs of 64: all its loads are
// on their way before the first store, and more runs hide what a workgroup costs to start. Dispatched n / (64 · PER)
// workgroups.
// @include lib/index.wgsl
// @variant PER = 4, 8
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u * PER + lid;
  if (i >= params.n) { return; }
  var v: array<vec4<f32>, PER>;
  @unroll for (var k = 0u; k < PER; k++) {
    v[k] = x[i + k * 64u];
  }
  @unroll for (var k = 0u; k < PER; k++) {
    y[i + k * 64u] = v[k];
  }
}
