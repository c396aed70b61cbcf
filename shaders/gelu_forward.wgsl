// y = x·Φ(x) exactly, or with the tanh form's approximation of Φ if TANH (Hendrycks & Gimpel 2016). x, y: [n] as vec4.
// One invocation a vec4, ceil(n / 256) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
// @include lib/gelu.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(2) var<uniform> params: Params;
override TANH: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let v = vec4<f32>(x[i]);
  if (TANH) { y[i] = vec4<T>(v * tanh_cdf(v)); } else { y[i] = vec4<T>(v * normal_cdf(v, bell(v))); }
}
