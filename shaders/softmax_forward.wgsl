// softmax, or its logarithm if LOG, over the middle axis: x, y [outer, size, inner]. The maximum is taken out
// first, so logits of any size stay finite. One workgroup of 32 a row (o, i): each invocation strides over the row, the
// partial results are combined in a fixed order. Dispatched over outer · inner workgroups, folded.
// @include lib/index.wgsl
// @include lib/math.wgsl
struct Params { rows: u32, size: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
override LOG: bool;
const LANES = 32u;
const RUN = 64u * LANES;
var<workgroup> shared_values: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let row = workgroup_linear(wid, nwg);
  if (row >= params.rows) { return; }
  let base = (row / params.inner) * params.size * params.inner + row % params.inner;
  var largest = -3.402823466e38;
  for (var k = lid; k < params.size; k += LANES) { largest = max(largest, x[base + k * params.inner]); }
  shared_values[lid] = largest;
  workgroupBarrier();
  for (var i = 0u; i < LANES; i++) { largest = max(largest, shared_values[i]); }
  workgroupBarrier();
  var sum = 0.0;
  for (var first = lid; first < params.size; first += RUN) { // a run of 64 at a time: long sums lose less
    var part = 0.0;
    for (var k = first; k < min(first + RUN, params.size); k += LANES) {
      part += exp1(x[base + k * params.inner] - largest);
    }
    sum += part;
  }
  shared_values[lid] = sum;
  workgroupBarrier();
  sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += shared_values[i]; }
  let log_sum = log1(sum);
  for (var k = lid; k < params.size; k += LANES) {
    let at = base + k * params.inner;
    let distance = x[at] - largest;
    if (LOG) { y[at] = distance - log_sum; } else { y[at] = exp1(distance) / sum; }
  }
}
