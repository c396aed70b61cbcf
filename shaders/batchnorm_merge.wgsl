// Second stage of batch statistics: parts [chunks, 2, channels] → stats [3, channels] (the mean as the sum of two
// numbers, so that it keeps its digits far from zero; 1/sqrt(var + eps)), merged in a fixed order (Chan, Golub &
// LeVeque 1983): RUNS invocations a channel take a run of chunks each, as on a GPU there are thousands, and one of them
// merges what they found. x [rows, channels]: its first row is what means are told from. Running statistics
// [channels] become keep · old + momentum · new, the variance unbiased, as in PyTorch, if there are any. A workgroup
// makes CHANNELS channels.
// @tile CHANNELS
// @variant T = f32, f16
// @variant RUNS = 1, 16
// @include lib/chunk.wgsl
// @include lib/moments.wgsl
struct Params {
  rows: u32, channels: u32, rows_per_chunk: u32, chunks: u32, eps: f32, momentum: f32, keep: f32,
  has_running_mean: u32,
}
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;
const CHANNELS = 16u;
const LANES = RUNS * CHANNELS;
var<workgroup> found: array<Moments, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let channel = wid.x * CHANNELS + lid % CHANNELS;
  let c = min(channel, params.channels - 1u);
  let run = (params.chunks + RUNS - 1u) / RUNS;
  let first = min(lid / CHANNELS * run, params.chunks);
  var all = Moments();
  for (var k = first; k < min(first + run, params.chunks); k++) {
    let at = k * 2u * params.channels + c;
    all = together(all, Moments(f32(rows_in(k)), parts[at], parts[at + params.channels]));
  }
  found[lid] = all;
  workgroupBarrier();
  if (lid >= CHANNELS || channel >= params.channels) { return; }
  for (var r = 1u; r < RUNS && r * run < params.chunks; r++) { all = together(all, found[r * CHANNELS + lid]); }
  let base = f32(x[c]);
  let whole = base + all.mean;
  stats[c] = whole;
  stats[params.channels + c] = (base - whole) + all.mean;
  stats[2u * params.channels + c] = rstd_of(all, params.eps);
  if (params.has_running_mean == 0u) { return; }
  let unbiased = all.root / sqrt(max(all.count - 1.0, 1.0));
  running_mean[c] = params.keep * running_mean[c] + params.momentum * whole;
  running_var[c] = params.keep * running_var[c] + params.momentum * unbiased * unbiased;
}
