// Every word of y is `bits`. y: n words as vec4. One invocation a vec4.
// @each 4
// @include lib/index.wgsl
struct Params { n: u32, bits: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<vec4<u32>>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u < params.n) { y[i] = vec4<u32>(params.bits); }
}
