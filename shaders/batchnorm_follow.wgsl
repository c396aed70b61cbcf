// Running statistics after a batch whose statistics are known: running_mean, running_var [channels] become keep · old +
// momentum · new, the variance unbiased (count of values a channel; more than one), as in PyTorch. mean, variance
// [channels], count [1]. One invocation a channel.
struct Params { channels: u32, momentum: f32, keep: f32 }
@group(0) @binding(0) var<storage, read> mean: array<f32>;
@group(0) @binding(1) var<storage, read> variance: array<f32>;
@group(0) @binding(2) var<storage, read> count: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  if (c >= params.channels) { return; }
  let unbiased = variance[c] * (count[0] / max(count[0] - 1.0, 1.0));
  running_mean[c] = params.keep * running_mean[c] + params.momentum * mean[c];
  running_var[c] = params.keep * running_var[c] + params.momentum * unbiased;
}
