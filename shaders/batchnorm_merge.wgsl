// Second stage of batch statistics: parts [chunks, 2, channels] → stats [3, channels] (the channel's first value in x [rows, channels],
// the mean's distance from it, 1/sqrt(var + eps)), merged in the order of the chunks (Chan, Golub & LeVeque 1983). Running statistics [channels] move by `momentum`, the variance unbiased, as in PyTorch.
// They are left alone when `track` is 0. One invocation a channel, ceil(channels / 64) workgroups.
// @variant T = f32, f16
struct Params { rows: u32, channels: u32, rows_per_chunk: u32, chunks: u32, eps: f32, momentum: f32, track: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  if (c >= params.channels) { return; }
  var mean = 0.0;
  var deviations = 0.0;
  var count = 0.0;
  for (var k = 0u; k < params.chunks; k++) {
    let at = k * 2u * params.channels + c;
    let n = f32(min(params.rows_per_chunk, params.rows - k * params.rows_per_chunk));
    let total = count + n;
    let delta = parts[at] - mean;
    mean += delta * (n / total);
    deviations += parts[at + params.channels] + delta * delta * (count * n / total);
    count = total;
  }
  let base = f32(x[c]);
  stats[c] = base;
  stats[params.channels + c] = mean;
  stats[2u * params.channels + c] = 1.0 / sqrt(deviations / count + params.eps);
  if (params.track == 0u) { return; }
  let unbiased = deviations / max(count - 1.0, 1.0);
  running_mean[c] += params.momentum * (base + mean - running_mean[c]);
  running_var[c] += params.momentum * (unbiased - running_var[c]);
}
