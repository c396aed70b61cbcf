// The first k of sorted rows: x [outer, size, inner] and places [outer · inner, size], where in its row each element
// stood before it was sorted → y and index [outer, k, inner]. One invocation an element of y, n = outer · k · inner;
// ceil(n / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32, size: u32, inner: u32, k: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> index: array<i32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let i = at % params.inner;
  let j = at / params.inner % params.k;
  let o = at / (params.inner * params.k);
  let place = places[(o * params.inner + i) * params.size + j];
  y[at] = x[(o * params.size + place) * params.inner + i];
  index[at] = i32(place);
}
