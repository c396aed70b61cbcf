// Counts a step of parameters that lie side by side: counts[first + i] += 1 for i < n, unless it is left out because a
// gradient is not finite (scaler: lib/scaler.wgsl). One count serves 64 elements of a parameter.
// @include lib/index.wgsl
// @include lib/scaler.wgsl
struct Params { first: u32, n: u32 }
@group(0) @binding(0) var<storage, read_write> counts: array<u32>;
@group(0) @binding(1) var<storage, read> scaler: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;
override has_scaler: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  if (has_scaler) { if (scaler[FOUND] != 0u) { return; } }
  counts[params.first + i] += 1u;
}
