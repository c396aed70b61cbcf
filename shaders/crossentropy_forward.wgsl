// Cross entropy of each row: logits [rows, classes], labels [rows], weight [classes] (if has_weight) → lse [rows] (log Σ exp) and
// losses [rows] and counted [rows], the weight each counts with. loss = (1-ε)·w_t·(lse - x_t) + ε/C · Σ_c w_c·(lse - x_c), as in PyTorch.
// A label equal to ignore counts nothing; one outside the classes gives NaN, so that it is noticed.
// One invocation a row, ceil(rows / 64) workgroups.
struct Params { rows: u32, classes: u32, has_weight: u32, smoothing: f32, ignore: i32 }
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> counted: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

fn weight_of(c: u32) -> f32 {
  if (params.has_weight == 0u) { return 1.0; }
  return weight[c];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let row = gid.x;
  if (row >= params.rows) { return; }
  let base = row * params.classes;
  var largest = -3.402823466e38;
  for (var c = 0u; c < params.classes; c++) { largest = max(largest, logits[base + c]); }
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) { sum += exp(logits[base + c] - largest); }
  // Distances below the maximum keep their digits when the logits are large.
  let log_sum = log(sum);
  lse[row] = largest + log_sum;
  let label = labels[row];
  var loss = 0.0;
  var weight_t = 0.0;
  if (label != params.ignore) {
    if (label < 0 || label >= i32(params.classes)) {
      loss = bitcast<f32>(0x7fc00000u | (row & 1u)); // a literal NaN would not compile
    } else {
      weight_t = weight_of(u32(label));
      loss = (1.0 - params.smoothing) * weight_t * (log_sum - (logits[base + u32(label)] - largest));
      if (params.smoothing > 0.0) {
        var all = 0.0;
        for (var c = 0u; c < params.classes; c++) { all += weight_of(c) * (log_sum - (logits[base + c] - largest)); }
        loss += params.smoothing / f32(params.classes) * all;
      }
    }
  }
  losses[row] = loss;
  counted[row] = weight_t;
}
