// y = x in another type: rounded to nearest where a float is narrower, integers to the nearest float; between integers
// the bits stay (PyTorch's wrapping). x, y: [n] as vec4. One invocation a vec4.
// @each 4
// @variant X Y = f32 f16, f16 f32, i32 f32, i32 f16, u32 f32, u32 f16, i32 u32, u32 i32
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Y>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u < params.n) { y[i] = vec4<Y>(x[i]); }
}
