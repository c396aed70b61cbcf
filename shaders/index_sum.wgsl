// y[o, p, i] = base[o, p, i] + Σ x[o, order[k], i] over starts[p] <= k < starts[p + 1]: x [outer, count, inner], order
// [count] and starts [size + 1] of the sorted numbers, base (0 where there is none) and y [outer, size, inner]. In the
// order of k, up to 256 terms at a time, as long sums lose less so. Place `without` gets nothing. `strict`: a number
// outside, which was sorted behind all others, makes all of y NaN. One invocation an element of y, ceil(outer · size ·
// inner / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/nan.wgsl
struct Params { outer: u32, size: u32, inner: u32, count: u32, without: u32, strict: u32, has_base: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> base: array<T>;
@group(0) @binding(4) var<storage, read_write> y: array<T>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.outer * params.size * params.inner) { return; }
  let i = at % params.inner;
  let line = at / params.inner;
  let outer = line / params.size;
  let place = line - outer * params.size;
  var sum = 0.0;
  if (params.has_base != 0u) { sum = f32(base[at]); }
  let end = starts[place + 1u];
  for (var first = starts[place]; first < end && place != params.without; first += 256u) {
    var part = 0.0;
    for (var k = first; k < min(first + 256u, end); k++) {
      part += f32(x[(outer * params.count + order[k]) * params.inner + i]);
    }
    sum += part;
  }
  if (params.strict != 0u && starts[params.size] < params.count) { sum = nan(); }
  y[at] = T(sum);
}
