// Memory's rate without another target: y [n] vec4, n a multiple of 64 · PER, is read, scaled and written back. CPUs
// move less than for a copy, whose target they read before they overwrite it. A workgroup does PER runs of 64, as in
// copy.wgsl. Dispatched n / (64 · PER) workgroups.
// @include lib/index.wgsl
// @variant PER = 4, 8
struct Params { n: u32, factor: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u * PER + lid;
  if (i >= params.n) { return; }
  var v: array<vec4<f32>, PER>;
  @unroll for (var k = 0u; k < PER; k++) {
    v[k] = y[i + k * 64u];
  }
  @unroll for (var k = 0u; k < PER; k++) {
    y[i + k * 64u] = v[k] * params.factor;
  }
}
