// Cross entropy of each row: logits [rows, classes], labels [rows], weight [classes] (if has_weight) → sums [rows, 2]
// (the maximum m and Σ exp(x - m), apart so that large logits keep their digits), losses [rows] and counted [rows], the
// weight each counts with. loss = (1-ε)·w_t·(lse - x_t) + ε/C · Σ_c w_c·(lse - x_c) with lse = log Σ exp(x), as in
// PyTorch. A label equal to ignore counts nothing; one outside the classes gives NaN, so that it is noticed. One
// workgroup of 8 a row (more take three times as long to compile on lavapipe), `rows` workgroups; each
// invocation takes every 8th class, their results are combined in order.
// @variant X = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
// @include lib/nan.wgsl
struct Params { rows: u32, classes: u32, has_weight: u32, smoothing: f32, ignore: i32 }
@group(0) @binding(0) var<storage, read> logits: array<X>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> counted: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;
const LANES = 8u;
var<workgroup> partial: array<f32, LANES>;
var<workgroup> partial_all: array<f32, LANES>;

fn weight_of(c: u32) -> f32 {
  if (params.has_weight == 0u) { return 1.0; }
  return weight[c];
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let row = workgroup_linear(wid, nwg);
  if (row >= params.rows) { return; }
  let base = row * params.classes;
  var largest = -3.402823466e38;
  for (var c = lid; c < params.classes; c += LANES) { largest = max(largest, f32(logits[base + c])); }
  partial[lid] = largest;
  workgroupBarrier();
  for (var i = 0u; i < LANES; i++) { largest = max(largest, partial[i]); }
  workgroupBarrier();
  // Distances below the maximum keep their digits when the logits are large. Σ_c w_c·(lse - x_c) = lse'·Σ w_c - Σ
  // w_c·(x_c - largest).
  var sum = 0.0;
  var below = 0.0;
  for (var c = lid; c < params.classes; c += LANES) {
    let distance = f32(logits[base + c]) - largest;
    sum += exp1(distance);
    if (params.smoothing > 0.0) { below += weight_of(c) * distance; }
  }
  partial[lid] = sum;
  partial_all[lid] = below;
  workgroupBarrier();
  if (lid != 0u) { return; }
  sum = 0.0;
  below = 0.0;
  for (var i = 0u; i < LANES; i++) {
    sum += partial[i];
    below += partial_all[i];
  }
  let log_sum = log1(sum);
  sums[row] = vec2<f32>(largest, sum);
  let label = labels[row];
  var loss = 0.0;
  var weight_t = 0.0;
  if (label != params.ignore) {
    if (label < 0 || label >= i32(params.classes)) {
      loss = nan();
    } else {
      weight_t = weight_of(u32(label));
      loss = (1.0 - params.smoothing) * weight_t * (log_sum - (f32(logits[base + u32(label)]) - largest));
      if (params.smoothing > 0.0) {
        var weights = 0.0;
        for (var c = 0u; c < params.classes; c++) { weights += weight_of(c); }
        loss += params.smoothing / f32(params.classes) * (log_sum * weights - below);
      }
    }
  }
  losses[row] = loss;
  counted[row] = weight_t;
}
