// y[j, c] = 1 where index[j] = c, else 0; a row of NaN for an index outside of the classes. index [n / classes], y [n
// / classes, classes]. One invocation an element of y, ceil(n / 64) workgroups.
// @include lib/index.wgsl
// @include lib/nan.wgsl
struct Params { n: u32, classes: u32 }
@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let chosen = index[at / params.classes];
  if (chosen < params.classes) {
    y[at] = select(0.0, 1.0, chosen == at % params.classes);
  } else {
    y[at] = nan();
  }
}
