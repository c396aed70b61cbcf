// First stage of the parameters' gradients, for software adapters: parts [chunks, 2, cols] = Σ dy and Σ dy·(x -
// mean)·rstd over one chunk of rows; batchnorm_backward_merge.wgsl adds the chunks. x, dy [rows, cols]; stats [3,
// rows]. One invocation PER columns 64 apart of one chunk, so that a row's statistics serve several; dispatched over
// [ceil(cols / (64 · PER)), chunks].
// @each PER
// @variant T = f32, f16
struct Params { rows: u32, cols: u32, rows_per_chunk: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
const PER = 4u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u * PER + lid;
  let last = params.cols - 1u;
  let first = wid.y * params.rows_per_chunk;
  let end = min(first + params.rows_per_chunk, params.rows);
  var sum: array<f32, PER>;
  var product: array<f32, PER>;
  for (var row = first; row < end; row++) {
    let mean = stats[row];
    let rest = stats[params.rows + row];
    let rstd = stats[2u * params.rows + row];
    let base = row * params.cols;
    @unroll for (var u = 0u; u < PER; u++) {
      let at = base + min(c + u * 64u, last);
      let g = f32(dy[at]);
      sum[u] += g;
      product[u] += g * ((f32(x[at]) - mean - rest) * rstd);
    }
  }
  let base = wid.y * 2u * params.cols;
  @unroll for (var u = 0u; u < PER; u++) {
    if (c + u * 64u <= last) {
      parts[base + c + u * 64u] = sum[u];
      parts[base + params.cols + c + u * 64u] = product[u];
    }
  }
}
