// Negative log likelihood of each row: losses[r] = -w · x[r, label] and counted[r] = w, the label's weight, of
// x [rows, classes], labels [rows], weight [classes] (1 without). A label equal to ignore counts nothing; one outside
// the classes gives NaN, so that it is noticed. One invocation a row.
// @include lib/index.wgsl
// @include lib/nan.wgsl
struct Params { rows: u32, classes: u32, has_weight: u32, ignore: i32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> counted: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let row = workgroup_linear(wid, nwg) * 64u + lid;
  if (row >= params.rows) { return; }
  let label = labels[row];
  var w = 1.0;
  var y = 0.0;
  if (label == params.ignore) {
    w = 0.0;
  } else if (label < 0 || label >= i32(params.classes)) {
    y = nan();
  } else {
    if (params.has_weight != 0u) { w = weight[label]; }
    y = -w * x[row * params.classes + u32(label)];
  }
  losses[row] = y;
  counted[row] = w;
}
