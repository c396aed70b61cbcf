// Second stage of groupNorm's backward pass: parts [sets · chunks, 2, channels] of batchnorm_backward_sums.wgsl → means
// [sets · groups, 2] of g and of g·x̂ over a group's pixels and channels, with g = dy·weight (1 where there is none).
// One workgroup of 16 a set (an image) and group, sets · groups workgroups: each invocation adds every 16th part of the
// group, and the first adds what they found, in order.
// @include lib/index.wgsl
struct Params { sets: u32, rows: u32, channels: u32, groups: u32, chunks: u32, has_weight: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> means: array<vec2<f32>>;
@group(0) @binding(3) var<uniform> params: Params;
const LANES = 16u;
var<workgroup> found: array<vec2<f32>, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = workgroup_linear(wid, nwg);
  if (row >= params.sets * params.groups) { return; }
  let of_set = row / params.groups;
  let width = params.channels / params.groups;
  let first = row % params.groups * width;
  let count = params.chunks * width;
  var sums = vec2<f32>(0.0);
  for (var i = lane; i < count; i += LANES) {
    let c = first + i % width;
    let at = (of_set * params.chunks + i / width) * 2u * params.channels + c;
    var part = vec2<f32>(parts[at], parts[at + params.channels]);
    if (params.has_weight != 0u) { part *= weight[c]; }
    sums += part;
  }
  found[lane] = sums;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < min(count, LANES); i++) { sums += found[i]; }
  means[row] = sums / f32(params.rows * width);
}
