// dx = dy · ∂(a op b)/∂a, or ∂b where FIRST is false, before what was broadcast is summed: dy, dx [n] in order, a and b
// at the places of a walk over their shape (lib/strided.wgsl). Of a tie each operand gets half. One invocation an
// element.
// @variant T = f32, f16
// @enum OP = maximum, minimum
// @include lib/index.wgsl
// @include lib/nan.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> b: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;
@group(0) @binding(4) var<uniform> params: Params;
override OP: u32;
override FIRST: bool;

fn derivative(a: f32, b: f32, g: f32) -> f32 {
  let share = select(g, 0.5 * g, a == b);
  switch (OP) {
    case OP_MAXIMUM: { return select(share, 0.0, select((a > b), (a < b), FIRST)); }
    case OP_MINIMUM: { return select(share, 0.0, select((a < b), (a > b), FIRST)); }
    default: { return nan(); }
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  dx[i] = T(derivative(f32(a[at.x]), f32(b[at.y]), f32(dy[i])));
}
