// y = a op b with NumPy broadcasting: y [n] in order, a and b at the places of a walk over y's shape (lib/strided.wgsl).
// OP as in binary_forward.wgsl. One invocation an element, ceil(n / 64) workgroups.
// @include lib/index.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
override OP: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  switch (OP) {
    case 0u: { y[i] = a[at.x] + b[at.y]; }
    case 1u: { y[i] = a[at.x] - b[at.y]; }
    case 2u: { y[i] = a[at.x] * b[at.y]; }
    default: { y[i] = a[at.x] / b[at.y]; }
  }
}
