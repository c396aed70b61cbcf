// y = x · scale · unit + offset, or x / scale / unit if DIVIDE, elementwise with numbers: `unit`, a power of two, takes
// what is beyond the normal numbers of f32. x, y: [n] as vec4. One invocation a vec4.
// @each 4
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32, scale: f32, unit: f32, offset: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(2) var<uniform> params: Params;
override DIVIDE: bool = false;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let v = vec4<f32>(x[i]);
  if (DIVIDE) {
    y[i] = vec4<T>(v / params.scale / params.unit);
  } else {
    y[i] = vec4<T>(params.scale * v * params.unit + params.offset);
  }
}
