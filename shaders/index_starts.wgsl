// Where the run of each number begins in sorted keys [n]: starts [size + 1], starts[p] the first place whose key is
// not below p, by bisection. One invocation a number, ceil((size + 1) / 64) workgroups.
// @include lib/index.wgsl
struct Params { n: u32, size: u32 }
@group(0) @binding(0) var<storage, read> keys: array<u32>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at > params.size) { return; }
  var low = 0u;
  var high = params.n;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (keys[middle] < at) { low = middle + 1u; } else { high = middle; }
  }
  starts[at] = low;
}
