// y[i] = (start + i · step) + (whole_start + i · whole_step), of which one is 0: floats take the first, integers, exact
// beyond 2^24, the second. y: [n]. One invocation an element.
// @variant Y = f32, f16, i32, u32
// @include lib/index.wgsl
struct Params { n: u32, start: f32, step: f32, whole_start: i32, whole_step: i32 }
@group(0) @binding(0) var<storage, read_write> y: array<Y>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  y[i] = Y(params.start + f32(i) * params.step) + Y(params.whole_start + i32(i) * params.whole_step);
}
