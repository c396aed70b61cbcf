// dx = weight·rstd·(g - (Σg + x̂·Σg·x̂) / rows) with batch statistics, weight·rstd·g with running ones (`training` 0);
// g = dy, 0 where y <= 0 if `relu`. x, y, dy, dx [rows, channels]; stats [3, channels]; weight (1 where there is none),
// dweight (Σg·x̂), dbias (Σg) [channels]. One invocation a (channel, chunk of rows), lanes along channels; dispatched
// over [ceil(channels / 64), chunks].
// @variant T = f32, f16
struct Params { rows: u32, channels: u32, rows_per_chunk: u32, has_weight: u32, relu: u32, training: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> y: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> dweight: array<f32>;
@group(0) @binding(6) var<storage, read> dbias: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<T>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  if (c >= params.channels) { return; }
  let base = stats[c];
  let mean = stats[params.channels + c];
  let rstd = stats[2u * params.channels + c];
  var scale = rstd;
  if (params.has_weight != 0u) { scale *= weight[c]; }
  let share = select(0.0, 1.0 / f32(params.rows), params.training != 0u);
  let from_mean = dbias[c] * share;
  let from_var = dweight[c] * share * rstd;
  let first = wid.y * params.rows_per_chunk;
  let end = min(first + params.rows_per_chunk, params.rows);
  for (var row = first; row < end; row++) {
    let at = row * params.channels + c;
    let g = select(f32(dy[at]), 0.0, params.relu != 0u && f32(y[at]) <= 0.0);
    dx[at] = T(scale * (g - from_mean - (f32(x[at]) - base - mean) * from_var));
  }
}
