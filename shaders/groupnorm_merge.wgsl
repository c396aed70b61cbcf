// Second stage of groupNorm's statistics: parts [sets · chunks, 2, channels] of batchnorm_stats.wgsl → stats [3,
// sets · channels], for each channel those of its group: the mean as the sum of two numbers, 1/sqrt(var + eps). x
// [sets, rows, channels]: its first rows are what means are told from. One workgroup of 16 a set (an image) and group,
// sets · groups workgroups: each invocation merges every 16th part of the group, and the first merges what they found,
// in order.
// @variant T = f32, f16
// @include lib/chunk.wgsl
// @include lib/index.wgsl
// @include lib/moments.wgsl
struct Params { sets: u32, rows: u32, channels: u32, groups: u32, chunks: u32, rows_per_chunk: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
const LANES = 16u;
var<workgroup> found: array<Moments, LANES>;

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
  let start = of_set * params.rows * params.channels; // the set's first row
  let base = f32(x[start + first]);
  let count = params.chunks * width;
  var all = Moments();
  for (var i = lane; i < count; i += LANES) {
    let chunk = i / width;
    let c = first + i % width;
    let at = (of_set * params.chunks + chunk) * 2u * params.channels + c;
    let shift = f32(x[start + c]) - base;
    all = together(all, Moments(f32(rows_in(chunk)), parts[at] + shift, parts[at + params.channels]));
  }
  found[lane] = all;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < min(count, LANES); i++) { all = together(all, found[i]); }
  let whole = base + all.mean;
  let rest = (base - whole) + all.mean;
  let rstd = rstd_of(all, params.eps);
  let stride = params.sets * params.channels;
  for (var i = 0u; i < width; i++) {
    let at = of_set * params.channels + first + i;
    stats[at] = whole;
    stats[stride + at] = rest;
    stats[2u * stride + at] = rstd;
  }
}
