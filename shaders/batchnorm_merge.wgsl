// Second stage of batch statistics: parts [chunks, 2, channels] → stats [3, channels] (the mean as the sum of two
// numbers, so that it keeps its digits far from zero; 1/sqrt(var + eps)), merged in a fixed order (Chan, Golub &
// LeVeque 1983): RUNS invocations a channel take a run of chunks each, as on a GPU there are thousands, four at a time;
// what they found is merged in pairs. x [rows, channels]: its first row is what means are told from (in parts 0, if
// `from_zero`: lib/columns.wgsl). Running statistics [channels] become keep · old + momentum · new, the variance
// unbiased, as in PyTorch, if there are any. A workgroup makes CHANNELS channels.
// @tile CHANNELS
// @variant T = f32, f16
// @variant RUNS CHANNELS = 1 16, 64 4
// @include lib/chunk.wgsl
// @include lib/moments.wgsl
struct Params {
  rows: u32, channels: u32, rows_per_chunk: u32, chunks: u32, eps: f32, momentum: f32, keep: f32,
  has_running_mean: u32, from_zero: u32,
}
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;
const LANES = RUNS * CHANNELS;
var<workgroup> found: array<Moments, LANES>;

// Of channel c over chunks first … end - 1, the mean as distance from `base`.
fn of_chunks(first: u32, end: u32, c: u32, base: f32) -> Moments {
  let origin = select(0.0, base, params.from_zero != 0u);
  var count = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  for (var k = first; k < end; k += 4u) {
    var means: vec4<f32>;
    var roots: vec4<f32>;
    var counts: vec4<f32>;
    @unroll for (var u = 0u; u < 4u; u++) {
      let chunk = min(k + u, end - 1u);
      let at = chunk * 2u * params.channels + c;
      means[u] = parts[at] - origin;
      roots[u] = parts[at + params.channels];
      counts[u] = select(0.0, f32(rows_in(chunk)), k + u < end);
    }
    roots *= vec4<f32>(counts > vec4<f32>());
    @unroll for (var u = 0u; u < 4u; u++) {
      count += counts[u];
      let delta = means[u] - mean;
      let share = delta * (counts[u] / count);
      squares += roots[u] * roots[u] + delta * share * (count - counts[u]);
      mean += share;
    }
  }
  if (squares < 1e37 || count == 0.0) { return Moments(count, mean, sqrt(squares)); }
  // Squares of numbers beyond 1e18 leave f32: row by row.
  var all = Moments();
  for (var row = first * params.rows_per_chunk; row < min(end * params.rows_per_chunk, params.rows); row++) {
    all = together(all, Moments(1.0, f32(x[row * params.channels + c]) - base, 0.0));
  }
  return all;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let channel = wid.x * CHANNELS + lid % CHANNELS;
  let c = min(channel, params.channels - 1u);
  let run = (params.chunks + RUNS - 1u) / RUNS;
  let first = min(lid / CHANNELS * run, params.chunks);
  let base = f32(x[c]);
  found[lid] = of_chunks(first, min(first + run, params.chunks), c, base);
  workgroupBarrier();
  for (var apart = LANES / 2u; apart >= CHANNELS; apart /= 2u) {
    if (lid < apart && found[lid + apart].count > 0.0) { found[lid] = together(found[lid], found[lid + apart]); }
    workgroupBarrier();
  }
  if (lid >= CHANNELS || channel >= params.channels) { return; }
  let all = found[lid];
  let whole = base + all.mean;
  stats[c] = whole;
  stats[params.channels + c] = (base - whole) + all.mean;
  stats[2u * params.channels + c] = rstd_of(all, params.eps);
  if (params.has_running_mean == 0u) { return; }
  let unbiased = all.root / sqrt(max(all.count - 1.0, 1.0));
  running_mean[c] = params.keep * running_mean[c] + params.momentum * whole;
  running_var[c] = params.keep * running_var[c] + params.momentum * unbiased * unbiased;
}
