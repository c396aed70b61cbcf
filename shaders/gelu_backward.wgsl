// dx = dy·(Φ(x) + x·φ(x)), or the derivative of the tanh form if TANH. x, dy, dx: [n] as vec4. One invocation a vec4,
// ceil(n / 256) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
// @include lib/gelu.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;
override TANH: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let v = vec4<f32>(x[i]);
  let g = vec4<f32>(dy[i]);
  if (TANH) {
    let s = tanh_cdf(v);
    dx[i] = vec4<T>(g * (s + v * s * (1.0 - s) * (1.5957691 + 0.21406859 * v * v)));
  } else {
    let b = bell(v);
    dx[i] = vec4<T>(g * (normal_cdf(v, b) + v * b * 0.39894228));
  }
}
