// dx = y·(dy - Σ dy·y) for softmax, dy - exp(y)·Σ dy for its logarithm (LOG), over the middle axis: y, dy, dx
// [outer, size, inner]. One workgroup of 32 a row as in softmax_forward.wgsl.
// @include lib/index.wgsl
// @include lib/math.wgsl
struct Params { rows: u32, size: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
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
  var sum = 0.0;
  for (var first = lid; first < params.size; first += RUN) {
    var part = 0.0;
    for (var k = first; k < min(first + RUN, params.size); k += LANES) {
      let at = base + k * params.inner;
      part += select(dy[at] * y[at], dy[at], LOG);
    }
    sum += part;
  }
  shared_values[lid] = sum;
  workgroupBarrier();
  sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += shared_values[i]; }
  for (var k = lid; k < params.size; k += LANES) {
    let at = base + k * params.inner;
    dx[at] = select(y[at] * (dy[at] - sum), dy[at] - exp1(y[at]) * sum, LOG);
  }
}
