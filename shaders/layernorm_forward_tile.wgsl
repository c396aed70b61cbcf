// As layernorm_forward_cpu.wgsl for any number of columns and without subgroups: x, residual, sum, y [rows, cols],
// weight, bias [cols], stats [3, rows] as f32. One workgroup of 64 a row, `rows` workgroups; first the mean, as
// distance from the row's first value, then the squared deviations from it, also those of shrunk deviations for rows
// beyond 1e18, each summed over the invocations in a fixed order.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/moments.wgsl
struct Params { rows: u32, cols: u32, eps: f32, has_weight: u32, has_bias: u32, has_residual: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> residual: array<T>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> sum: array<T>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;
const LANES = 64u;
var<workgroup> partial: array<f32, LANES>;

// What is normalised, as it is stored.
fn input_at(at: u32) -> f32 {
  if (params.has_residual == 0u) { return f32(x[at]); }
  return f32(T(f32(x[at]) + f32(residual[at])));
}

fn over_workgroup(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  partial[lane] = value;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < LANES; i++) { total += partial[i]; }
  return total;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = workgroup_linear(wid, nwg);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let shift = input_at(base);
  var total = 0.0;
  for (var c = lane; c < params.cols; c += LANES) {
    let h = input_at(base + c);
    if (params.has_residual != 0u) { sum[base + c] = T(h); }
    total += h - shift;
  }
  let mean = over_workgroup(total, lane) / f32(params.cols);
  var squares = 0.0;
  var shrunk = 0.0;
  for (var c = lane; c < params.cols; c += LANES) {
    var h: f32;
    if (params.has_residual != 0u) { h = f32(sum[base + c]); } else { h = f32(x[base + c]); }
    let deviation = h - shift - mean;
    squares += deviation * deviation;
    shrunk += (deviation * SHRUNK) * (deviation * SHRUNK);
  }
  let all = over_workgroup(squares, lane);
  let rstd = rstd_from(all, over_workgroup(shrunk, lane), f32(params.cols), params.eps);
  let whole = shift + mean;
  let rest = (shift - whole) + mean;
  for (var c = lane; c < params.cols; c += LANES) {
    var h: f32;
    if (params.has_residual != 0u) { h = f32(sum[base + c]); } else { h = f32(x[base + c]); }
    var v = (h - whole - rest) * rstd;
    if (params.has_weight != 0u) { v *= weight[c]; }
    if (params.has_bias != 0u) { v += bias[c]; }
    y[base + c] = T(v);
  }
  if (lane == 0u) {
    stats[row] = whole;
    stats[params.rows + row] = rest;
    stats[2u * params.rows + row] = rstd;
  }
}
