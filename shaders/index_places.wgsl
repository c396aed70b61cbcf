// Places of gather and scatterAdd: index [outer, count, inner] counts along the middle axis of a tensor [outer, size,
// inner]; places [n], n = outer · count · inner, count along all of it, the largest u32 for an index outside. One
// invocation an element, ceil(n / 64) workgroups.
// @include lib/index.wgsl
struct Params { n: u32, size: u32, inner: u32, count: u32 }
@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read_write> places: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let outer = at / (params.inner * params.count);
  let chosen = index[at];
  let place = (outer * params.size + chosen) * params.inner + at % params.inner;
  places[at] = select(0xffffffffu, place, chosen < params.size);
}
