// First stage of sorting: places [n] → keys and order [n], sorted within runs of 64, a workgroup each. An element's
// rank is the number of those before it: the smaller ones, and equal ones that stand before. ceil(n / 64) workgroups.
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> places: array<u32>;
@group(0) @binding(1) var<storage, read_write> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let first = at - lid;
  let key = places[at];
  var rank = first;
  for (var i = first; i < min(first + 64u, params.n); i++) {
    let other = places[i];
    if (other < key || (other == key && i < at)) { rank++; }
  }
  keys[rank] = key;
  order[rank] = at;
}
