// dx[r, c] = -w · dlosses[r] at the row's label, 0 elsewhere, of nll_forward.wgsl: dx [rows, classes], labels, dlosses
// [rows], weight [classes]. One invocation an element.
// @include lib/index.wgsl
struct Params { rows: u32, classes: u32, has_weight: u32, ignore: i32 }
@group(0) @binding(0) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> dlosses: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.rows * params.classes) { return; }
  let row = at / params.classes;
  let c = at % params.classes;
  let label = labels[row];
  var d = 0.0;
  if (label != params.ignore && label == i32(c)) {
    var w = 1.0;
    if (params.has_weight != 0u) { w = weight[c]; }
    d = -w * dlosses[row];
  }
  dx[at] = d;
}
