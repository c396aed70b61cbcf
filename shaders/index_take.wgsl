// y[o, j, i] = x[o, places[j], i]: x [outer, size, inner], places [count], y [outer, count, inner]. What a place
// outside of the axis would give is NaN, whose bits are the largest i32. n = outer · count · inner. One invocation an
// element of y, ceil(n / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32, outer: u32, size: u32, inner: u32, count: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let line = at / params.inner;
  let outer = line / params.count;
  let place = places[line - outer * params.count];
  if (place < params.size) {
    y[at] = x[(outer * params.size + place) * params.inner + at % params.inner];
  } else {
    var missing = 0x7fffffffu; // out of the compiler's sight: a constant NaN would not compile
    y[at] = T(bitcast<f32>(missing));
  }
}
