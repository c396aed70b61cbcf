// y = the low byte of x, packed four a word. x: [n] of 32 bits as vec4; y: [n] as words. One invocation a word.
// @each 4
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let v = (x[i] & vec4<u32>(255u)) << vec4<u32>(0u, 8u, 16u, 24u);
  y[i] = v.x | v.y | v.z | v.w;
}
