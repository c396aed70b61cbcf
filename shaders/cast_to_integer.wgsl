// y = x as integers: towards zero, what is below `low` as low, what is above `high` as `most`, NaN as 0. x, y: [n] as
// vec4. One invocation a vec4.
// @each 4
// @variant X = f32, f16
// @variant Y = i32, u32
// @include lib/index.wgsl
// @include lib/math.wgsl
struct Params { n: u32, low: f32, high: f32, most: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Y>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let v = vec4<f32>(x[i]);
  let inside = vec4<Y>(clamp(v, vec4<f32>(params.low), vec4<f32>(params.high)));
  y[i] = select(select(inside, vec4<Y>(vec4<u32>(params.most)), v > vec4<f32>(params.high)), vec4<Y>(0), is_nan(v));
}
