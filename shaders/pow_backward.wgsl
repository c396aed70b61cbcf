// dx = dy · ∂(a^b)/∂a = dy · b · a^(b - 1), or ∂b where FIRST is false, dy · a^b · log(a), before what was broadcast is
// summed; 0 where b is 0, and for b where a is 0, as in PyTorch: dy, dx [n] in order, a and b at the places of a walk
// over their shape (lib/strided.wgsl). One invocation an element.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/power.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> b: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;
@group(0) @binding(4) var<uniform> params: Params;
override FIRST: bool;

fn derivative(a: f32, b: f32) -> f32 {
  if (FIRST) { return b * power(a, b - 1.0); }
  return power(a, b) * log1(a);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  let base = f32(a[at.x]);
  let exponent = f32(b[at.y]);
  let is_flat = select(base == 0.0 && exponent >= 0.0, exponent == 0.0, FIRST);
  dx[i] = T(select(f32(dy[i]) * derivative(base, exponent), 0.0, is_flat));
}
