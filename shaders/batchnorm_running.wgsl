// Evaluation: stats [3, channels] = (running mean, 0, 1/sqrt(running variance + eps)), as batchnorm_merge.wgsl makes
// them. One invocation a channel, ceil(channels / 64) workgroups.
struct Params { channels: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> running_mean: array<f32>;
@group(0) @binding(1) var<storage, read> running_var: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  if (c >= params.channels) { return; }
  stats[c] = running_mean[c];
  stats[params.channels + c] = 0.0;
  stats[2u * params.channels + c] = 1.0 / sqrt(running_var[c] + params.eps);
}
