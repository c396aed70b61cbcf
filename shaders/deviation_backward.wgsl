// Gradient of sums of squared distances from a center, over the middle axis: dx = factor · (x - center - rest) with x,
// dx [outer, size, inner], center, rest, y and dy [outer, inner]; center and rest, what f32 had no place for in it, are
// 0 where they are not bound. factor = scale · dy, or with ROOT, where y is the square root of the sum, scale · dy / y,
// 0 where y is 0. One invocation an element.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32, size: u32, inner: u32, has_center: u32, has_rest: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> center: array<f32>;
@group(0) @binding(2) var<storage, read> rest: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<T>;
@group(0) @binding(4) var<storage, read> dy: array<T>;
@group(0) @binding(5) var<storage, read_write> dx: array<T>;
@group(0) @binding(6) var<uniform> params: Params;
override ROOT: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let row = at / (params.size * params.inner) * params.inner + at % params.inner;
  var middle = 0.0;
  var further = 0.0;
  if (params.has_center != 0u) { middle = center[row]; }
  if (params.has_rest != 0u) { further = rest[row]; }
  var factor = f32(dy[row]);
  if (ROOT) { factor = select(factor / f32(y[row]), 0.0, y[row] == T(0.0)); }
  dx[at] = T(params.scale * factor * (f32(x[at]) - middle - further));
}
