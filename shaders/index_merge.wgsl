// Next stage of sorting rows: sorted runs of `run` elements, two by two, become runs of twice the length; of equal keys
// those of the first run stay before. keys, order, merged_keys, merged_order [n], n = rows · size. One invocation an
// element: its place is its rank in its own run plus that in the other, found by bisection. ceil(n / 64) workgroups.
// @include lib/index.wgsl
struct Params { n: u32, size: u32, run: u32 }
@group(0) @binding(0) var<storage, read> keys: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read_write> merged_keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> merged_order: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let key = keys[at];
  let row = at / params.size * params.size;
  let end = row + params.size;
  let second = ((at - row) / params.run) % 2u == 1u;
  let own = row + (at - row) / params.run * params.run;
  let other = select(own + params.run, own - params.run, second);
  // Elements of the other run in [other, low) come before this one, those from high on do not.
  var low = min(other, end);
  var high = min(other + params.run, end);
  while (low < high) {
    let middle = (low + high) / 2u;
    let before = keys[middle] < key || (second && keys[middle] == key);
    if (before) { low = middle + 1u; } else { high = middle; }
  }
  let to = min(own, other) + (at - own) + (low - min(other, end));
  merged_keys[to] = key;
  merged_order[to] = order[at];
}
