// dx = op'(x) · dy, elementwise, with v the one of x and y = op(x) that the derivative is written in. v, dy, dx: [n] as
// vec4. OP as in unary_forward.wgsl. One invocation a vec4, ceil(n / 256) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> v: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;
override OP: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let g = vec4<f32>(dy[i]);
  let r = vec4<f32>(v[i]);
  switch (OP) {
    case 0u: { dx[i] = vec4<T>(select(g, vec4<f32>(0.0), r <= vec4<f32>(0.0))); } // y
    case 1u: { dx[i] = vec4<T>(g * r); }                                          // y
    case 2u: { dx[i] = vec4<T>(g / r); }                                          // x
    case 3u: { dx[i] = vec4<T>(0.5 * g / r); }                                    // y
    case 4u: { dx[i] = vec4<T>(-g); }                                             // neither
    case 5u: { dx[i] = vec4<T>(g * r * (1.0 - r)); }                              // y
    case 6u: { dx[i] = vec4<T>(g * (1.0 - r * r)); }                              // y
    default: { dx[i] = vec4<T>(g * sign(r)); }                                    // x
  }
}
