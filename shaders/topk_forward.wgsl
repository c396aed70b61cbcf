// The k best of every part of the middle axis, best first: x [outer, size, inner] → y and index [outer, parts · k,
// inner], part p being the elements p, p + parts, … Best is the largest, or the smallest unless LARGEST; of equal ones
// that with the smaller index; NaN is the best if NAN_FIRST, else the worst. Run twice for a long axis: then x holds
// what is left, and from_index, of the same shape, where it was (if bound). One invocation a part and row, which must
// hold at least k elements; ceil(outer · parts · inner / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
// @include lib/rank.wgsl
struct Params { outer: u32, size: u32, inner: u32, parts: u32, k: u32, has_from_index: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> from_index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> index: array<i32>;
@group(0) @binding(4) var<uniform> params: Params;
override LARGEST: bool;
override NAN_FIRST: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let item = workgroup_linear(wid, nwg) * 64u + lid;
  if (item >= params.outer * params.parts * params.inner) { return; }
  let i = item % params.inner;
  let p = (item / params.inner) % params.parts;
  let o = item / (params.inner * params.parts);
  let base = o * params.size * params.inner + i;
  var last_rank = 0xffffffffu; // of the one chosen before
  var last_place = -1;
  for (var j = 0u; j < params.k; j++) {
    var best_rank = 0u;
    var best_place = 0x7fffffff;
    var best_at = base;
    for (var n = p; n < params.size; n += params.parts) {
      let at = base + n * params.inner;
      let r = rank(f32(x[at]));
      var place = i32(n);
      if (params.has_from_index != 0u) { place = from_index[at]; }
      let is_left = r < last_rank || (r == last_rank && place > last_place);
      if (is_left && (r > best_rank || (r == best_rank && place < best_place))) {
        best_rank = r;
        best_place = place;
        best_at = at;
      }
    }
    let to = ((o * params.parts + p) * params.k + j) * params.inner + i;
    y[to] = x[best_at];
    index[to] = best_place;
    last_rank = best_rank;
    last_place = best_place;
  }
}
