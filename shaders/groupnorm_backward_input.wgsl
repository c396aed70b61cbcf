// dx = rstd·(g - (Σg + x̂·Σg·x̂) / count) with g = dy·weight and x̂ = (x - mean)·rstd, summed over the `count` pixels
// and channels of a group of one image. x, dy, dx [images, pixels, channels]; weight [channels] (1 where there is
// none); stats [3, images · groups] of groupnorm_forward.wgsl. One workgroup of 64 an image and group, images · groups
// workgroups; sums over the invocations by a tree.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { images: u32, groups: u32, pixels: u32, channels: u32, has_weight: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<T>;
@group(0) @binding(5) var<uniform> params: Params;
const LANES = 64u;
var<workgroup> partial: array<vec2<f32>, LANES>;

fn upstream(at: u32, c: u32) -> f32 {
  if (params.has_weight == 0u) { return f32(dy[at]); }
  return f32(dy[at]) * weight[c];
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
  let mean = stats[row];
  let rest = stats[rows + row];
  let rstd = stats[2u * rows + row];
  var sums = vec2<f32>(0.0); // Σ g, Σ g·(x - mean)
  for (var i = lane; i < count; i += LANES) {
    let c = i % width;
    let at = base + i / width * params.channels + c;
    let g = upstream(at, first + c);
    sums += vec2<f32>(g, g * (f32(x[at]) - mean - rest));
  }
  partial[lane] = sums;
  workgroupBarrier();
  for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
    if (lane < apart) { partial[lane] = partial[lane] + partial[lane + apart]; }
    workgroupBarrier();
  }
  let from_mean = partial[0].x / f32(count);
  let from_deviation = partial[0].y * rstd * rstd / f32(count);
  for (var i = lane; i < count; i += LANES) {
    let c = i % width;
    let at = base + i / width * params.channels + c;
    dx[at] = T(rstd * (upstream(at, first + c) - from_mean - (f32(x[at]) - mean - rest) * from_deviation));
  }
}
