// As layernorm_backward_input_cpu.wgsl for any number of columns and without subgroups: x, dy, dsum, dx [rows, cols],
// weight [cols], stats [3, rows] as f32. One workgroup of 64 a row, `rows` workgroups; sums over the invocations in a
// fixed order.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { rows: u32, cols: u32, has_weight: u32, has_dsum: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> dsum: array<T>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> stats: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<T>;
@group(0) @binding(6) var<uniform> params: Params;
const LANES = 64u;
var<workgroup> partial: array<vec2<f32>, LANES>;

fn upstream(at: u32, c: u32) -> f32 {
  if (params.has_weight == 0u) { return f32(dy[at]); }
  return f32(dy[at]) * weight[c];
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = workgroup_linear(wid, nwg);
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let mean = stats[row];
  let rest = stats[params.rows + row];
  let rstd = stats[2u * params.rows + row];
  var sums = vec2<f32>(0.0); // Σ g, Σ g·(x - mean)
  for (var c = lane; c < params.cols; c += LANES) {
    let g = upstream(base + c, c);
    sums += vec2<f32>(g, g * (f32(x[base + c]) - mean - rest));
  }
  partial[lane] = sums;
  workgroupBarrier();
  sums = vec2<f32>(0.0);
  for (var i = 0u; i < LANES; i++) { sums += partial[i]; }
  let from_mean = sums.x / f32(params.cols);
  let from_deviation = sums.y * rstd * rstd / f32(params.cols);
  for (var c = lane; c < params.cols; c += LANES) {
    var v = rstd * (upstream(base + c, c) - from_mean - (f32(x[base + c]) - mean - rest) * from_deviation);
    if (params.has_dsum != 0u) { v += f32(dsum[base + c]); }
    dx[base + c] = T(v);
  }
}
