// Ranks to sort by: x [outer, size, inner] → keys [outer · inner, size], smaller for better elements (lib/rank.wgsl).
// One invocation an element, n = outer · size · inner; ceil(n / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
// @include lib/rank.wgsl
struct Params { n: u32, size: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> keys: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;
override LARGEST: bool;
override NAN_FIRST: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let row = at / params.size;
  let element = (row / params.inner * params.size + at % params.size) * params.inner + row % params.inner;
  keys[at] = ~rank(f32(x[element]));
}
