// y = a op b with NumPy broadcasting: y [n] in order, a and b at the places of a walk over y's shape
// (lib/strided.wgsl). OP as in binary_forward.wgsl. One invocation an element, ceil(n / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> b: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<uniform> params: Params;
override OP: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  let u = f32(a[at.x]);
  let v = f32(b[at.y]);
  switch (OP) {
    case 0u: { y[i] = T(u + v); }
    case 1u: { y[i] = T(u - v); }
    case 2u: { y[i] = T(u * v); }
    default: { y[i] = T(u / v); }
  }
}
