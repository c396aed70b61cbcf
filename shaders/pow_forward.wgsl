// y = a^b with NumPy broadcasting: y [n] in order, a and b at the places of a walk over y's shape (lib/strided.wgsl).
// One invocation an element.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/power.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> b: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  y[i] = T(power(f32(a[at.x]), f32(b[at.y])));
}
