// Gradients of layer normalisation for any number of columns and without subgroups, each if wanted: dx as in
// layernorm_backward_input_cpu.wgsl, and the first stage of the parameters', parts [chunks, 2, cols], as in
// layernorm_backward_weight_cpu.wgsl. x, dy, dsum, dx [rows, cols], weight [cols], stats [3, rows]. A workgroup takes a
// chunk of rows, MOST_ROWS at most: ACROSS invocations find a row's two sums over its columns, in a fixed order; then
// each goes down its columns, ROWS rows at a time, reading x and dy again, out of caches. Dispatched over the chunks.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { rows: u32, cols: u32, rows_per_chunk: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> dsum: array<T>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> stats: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<T>;
@group(0) @binding(6) var<storage, read_write> parts: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;
override has_dsum: bool;
override has_weight: bool;
override has_dx: bool;
override has_parts: bool;
const LANES = 128u;
const ACROSS = 16u;
const ROWS = 4u;
const MOST_ROWS = 256u;
var<workgroup> partial: array<vec2<f32>, LANES>;
var<workgroup> found: array<vec2<f32>, MOST_ROWS>; // of a row: Σg / cols, Σg·(x - mean) · rstd² / cols

fn weight_of(c: u32) -> f32 {
  var factor = 1.0;
  if (has_weight) { factor = weight[c]; }
  return factor;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let chunk = workgroup_linear(wid, nwg);
  let first = chunk * params.rows_per_chunk;
  if (first >= params.rows) { return; }
  let end = min(first + params.rows_per_chunk, params.rows);
  if (has_dx) {
    for (var start = first; start < end; start += LANES / ACROSS) {
      let row = min(start + lid / ACROSS, end - 1u);
      let mean = stats[row];
      let rest = stats[params.rows + row];
      var sums = vec2<f32>(0.0); // Σ g, Σ g·(x - mean)
      for (var c = lid % ACROSS; c < params.cols; c += ACROSS) {
        let at = row * params.cols + c;
        let g = f32(dy[at]) * weight_of(c);
        sums += vec2<f32>(g, g * (f32(x[at]) - mean - rest));
      }
      partial[lid] = sums;
      workgroupBarrier();
      if (lid % ACROSS == 0u && start + lid / ACROSS < end) {
        for (var i = 1u; i < ACROSS; i++) { sums += partial[lid + i]; }
        let rstd = stats[2u * params.rows + row];
        found[row - first] = vec2<f32>(sums.x, sums.y * rstd * rstd) / f32(params.cols);
      }
      workgroupBarrier();
    }
  }
  for (var c = lid; c < params.cols; c += LANES) {
    let factor = weight_of(c);
    var sum = 0.0;
    var product = 0.0;
    for (var start = first; start < end; start += ROWS) {
      var g: array<f32, ROWS>;
      var deviation: array<f32, ROWS>;
      var v: array<f32, ROWS>;
      @unroll for (var r = 0u; r < ROWS; r++) {
        let row = min(start + r, end - 1u);
        let at = row * params.cols + c;
        g[r] = f32(dy[at]);
        deviation[r] = f32(x[at]) - stats[row] - stats[params.rows + row];
        if (has_dsum) { v[r] = f32(dsum[at]); }
      }
      @unroll for (var r = 0u; r < ROWS; r++) {
        if (start + r < end) {
          let rstd = stats[2u * params.rows + start + r];
          sum += g[r];
          product += g[r] * (deviation[r] * rstd);
          if (has_dx) {
            let row = found[start + r - first];
            dx[(start + r) * params.cols + c] = T(v[r] + rstd * (g[r] * factor - row.x - deviation[r] * row.y));
          }
        }
      }
    }
    if (has_parts) {
      let at = chunk * 2u * params.cols + c;
      parts[at] = sum;
      parts[at + params.cols] = product;
    }
  }
}
