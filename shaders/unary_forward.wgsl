// y = op(x), elementwise. x, y: [n] as vec4. One invocation a vec4, ceil(n / 256) workgroups.
// OP as in src/ops/unary.ts: 0 relu, 1 exp, 2 log, 3 sqrt, 4 neg, 5 sigmoid, 6 tanh, 7 abs.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(2) var<uniform> params: Params;
override OP: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let v = vec4<f32>(x[i]);
  switch (OP) {
    case 0u: { y[i] = vec4<T>(relu(v)); }
    case 1u: { y[i] = vec4<T>(exp(v)); }
    case 2u: { y[i] = vec4<T>(precise_log(v)); }
    case 3u: { y[i] = vec4<T>(sqrt(v)); }
    case 4u: { y[i] = vec4<T>(-v); }
    case 5u: { y[i] = vec4<T>(sigmoid(v)); }
    case 6u: { y[i] = vec4<T>(precise_tanh(v)); }
    default: { y[i] = vec4<T>(abs(v)); }
  }
}
