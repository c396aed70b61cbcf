// Evaluation: batchNorm with running statistics as the epilogue of the convolution before it. scale = weight /
// sqrt(running variance + eps), shift = (bias of the convolution - running mean)·scale + bias; all [channels]. Without
// a weight it is 1, and bias 0. One invocation a channel, ceil(channels / 64) workgroups.
struct Params { channels: u32, eps: f32, has_weight: u32, has_conv_bias: u32 }
@group(0) @binding(0) var<storage, read> conv_bias: array<f32>;
@group(0) @binding(1) var<storage, read> running_mean: array<f32>;
@group(0) @binding(2) var<storage, read> running_var: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> scale: array<f32>;
@group(0) @binding(6) var<storage, read_write> shift: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  if (c >= params.channels) { return; }
  var factor = 1.0 / sqrt(running_var[c] + params.eps);
  var mean = running_mean[c];
  if (params.has_conv_bias != 0u) { mean -= conv_bias[c]; }
  var base = 0.0;
  if (params.has_weight != 0u) {
    factor *= weight[c];
    base = bias[c];
  }
  scale[c] = factor;
  shift[c] = base - mean * factor;
}
