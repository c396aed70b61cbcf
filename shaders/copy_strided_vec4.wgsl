// copy_strided.wgsl on vec4: all sizes, strides and offsets count fours, and the last axis has stride 1 in both. ceil(n
// / 64) workgroups, n the number of vec4.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  // Integers travel as f32 and must not be multiplied: most of them would be denormal numbers.
  if (params.scale == 1.0) {
    y[params.b_offset + at.y] = x[params.a_offset + at.x];
  } else {
    y[params.b_offset + at.y] = vec4<T>(params.scale * vec4<f32>(x[params.a_offset + at.x]));
  }
}
