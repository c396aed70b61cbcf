// Parts of sums of distances from a center over the middle axis: x [outer, size, inner] → y [outer, parts, inner], y[o,
// p, i] = Σ_k d or, if SQUARED, d², d = x[o, p + k·parts, i] - center - rest; center and rest, what f32 had no place
// for in it, are [outer, inner], 0 where they are not bound. One invocation an element of y, in a fixed order;
// ceil(outer · parts · inner / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { outer: u32, size: u32, inner: u32, parts: u32, has_center: u32, has_rest: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> center: array<f32>;
@group(0) @binding(2) var<storage, read> rest: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
override SQUARED: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.outer * params.parts * params.inner) { return; }
  let i = at % params.inner;
  let p = (at / params.inner) % params.parts;
  let o = at / (params.inner * params.parts);
  let base = o * params.size * params.inner + i;
  var middle = 0.0;
  var further = 0.0;
  if (params.has_center != 0u) { middle = center[o * params.inner + i]; }
  if (params.has_rest != 0u) { further = rest[o * params.inner + i]; }
  var sum = 0.0;
  for (var k = p; k < params.size; k += params.parts) {
    let v = f32(x[base + k * params.inner]) - middle - further;
    sum += select(v, v * v, SQUARED);
  }
  y[at] = sum;
}
