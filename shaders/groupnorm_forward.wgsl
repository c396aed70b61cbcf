// y = (x - mean)·rstd·weight + bias, mean and variance over all pixels and channels of a group of one image. x, y
// [images, pixels, channels]; weight, bias [channels] (1 and 0 where there are none); stats [3, images · groups]: the
// mean as the sum of two numbers, rstd. One workgroup of 64 an image and group, images · groups workgroups; first the
// mean, as distance from the group's first value, then the deviations from it, each summed over the invocations by a
// tree.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { images: u32, groups: u32, pixels: u32, channels: u32, eps: f32, has_weight: u32, has_bias: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;
const LANES = 64u;
var<workgroup> partial: array<f32, LANES>;

fn over_workgroup(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  partial[lane] = value;
  workgroupBarrier();
  for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
    if (lane < apart) { partial[lane] += partial[lane + apart]; }
    workgroupBarrier();
  }
  return partial[0];
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = workgroup_linear(wid, nwg);
  let rows = params.images * params.groups;
  if (row >= rows) { return; }
  let width = params.channels / params.groups;
  let first = row % params.groups * width;
  let base = row / params.groups * params.pixels * params.channels + first;
  let count = params.pixels * width;
  let shift = f32(x[base]);
  var total = 0.0;
  for (var i = lane; i < count; i += LANES) { total += f32(x[base + i / width * params.channels + i % width]) - shift; }
  let mean = over_workgroup(total, lane) / f32(count);
  var squares = 0.0;
  for (var i = lane; i < count; i += LANES) {
    let deviation = f32(x[base + i / width * params.channels + i % width]) - shift - mean;
    squares += deviation * deviation;
  }
  let rstd = 1.0 / sqrt(over_workgroup(squares, lane) / f32(count) + params.eps);
  let whole = shift + mean;
  let rest = (shift - whole) + mean;
  for (var i = lane; i < count; i += LANES) {
    let c = i % width;
    let at = base + i / width * params.channels + c;
    var v = (f32(x[at]) - whole - rest) * rstd;
    if (params.has_weight != 0u) { v *= weight[first + c]; }
    if (params.has_bias != 0u) { v += bias[first + c]; }
    y[at] = T(v);
  }
  if (lane == 0u) {
    stats[row] = whole;
    stats[rows + row] = rest;
    stats[2u * rows + row] = rstd;
  }
}
