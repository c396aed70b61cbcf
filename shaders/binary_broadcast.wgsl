// y = a op b with NumPy broadcasting. y: n elements of shape [s0 … s5] (leading sizes 1 when fewer axes); a, b: any shape whose
// strides along those axes are a0 … a5, b0 … b5, 0 where broadcast. OP as in binary_forward.wgsl. ceil(n / 64) workgroups.
// @include lib/index.wgsl
struct Params {
  n: u32,
  s1: u32, s2: u32, s3: u32, s4: u32, s5: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
override OP: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  var rest = i;
  var ia = 0u;
  var ib = 0u;
  let i5 = rest % params.s5; rest /= params.s5; ia += i5 * params.a5; ib += i5 * params.b5;
  let i4 = rest % params.s4; rest /= params.s4; ia += i4 * params.a4; ib += i4 * params.b4;
  let i3 = rest % params.s3; rest /= params.s3; ia += i3 * params.a3; ib += i3 * params.b3;
  let i2 = rest % params.s2; rest /= params.s2; ia += i2 * params.a2; ib += i2 * params.b2;
  let i1 = rest % params.s1; rest /= params.s1; ia += i1 * params.a1 + rest * params.a0; ib += i1 * params.b1 + rest * params.b0;
  switch (OP) {
    case 0u: { y[i] = a[ia] + b[ib]; }
    case 1u: { y[i] = a[ia] - b[ib]; }
    case 2u: { y[i] = a[ia] * b[ib]; }
    default: { y[i] = a[ia] / b[ib]; }
  }
}
