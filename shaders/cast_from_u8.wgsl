// y = x, bytes packed four a word. x: [n] as words; y: [n] as vec4. One invocation a word.
// @each 4
// @variant Y = f32, f16, i32, u32
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Y>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u < params.n) { y[i] = vec4<Y>((vec4<u32>(x[i]) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)); }
}
