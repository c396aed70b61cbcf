// First stage of sorting rows: places [rows, size] → keys and order [rows, size], each row sorted within runs of 64, a
// workgroup each; order is the place in the row. An element's rank is the number of those before it: the smaller ones,
// and equal ones that stand before. rows · ceil(size / 64) workgroups.
// @include lib/index.wgsl
struct Params { rows: u32, size: u32 }
@group(0) @binding(0) var<storage, read> places: array<u32>;
@group(0) @binding(1) var<storage, read_write> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let group = workgroup_linear(wid, nwg);
  let runs = (params.size + 63u) / 64u;
  let first = group % runs * 64u;
  let at = first + lid;
  if (group >= params.rows * runs || at >= params.size) { return; }
  let row = group / runs * params.size;
  let key = places[row + at];
  var rank = first;
  for (var i = first; i < min(first + 64u, params.size); i++) {
    let other = places[row + i];
    if (other < key || (other == key && i < at)) { rank++; }
  }
  keys[row + rank] = key;
  order[row + rank] = at;
}
