// y = 1 where a and b compare as COMPARE says, else 0, with NumPy broadcasting: y [n] in order, a and b at the places
// of a walk over y's shape (lib/strided.wgsl). NaN differs from everything, but is the `same` as NaN. One invocation
// an element.
// @variant X Y = f32 f32, f16 f16, i32 f32, u32 f32
// @enum COMPARE = eq, ne, gt, ge, lt, le, same
// @include lib/index.wgsl
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<X>;
@group(0) @binding(1) var<storage, read> b: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;
@group(0) @binding(3) var<uniform> params: Params;
override COMPARE: u32;

fn compared(a: X, b: X) -> f32 {
  switch (COMPARE) {
    case COMPARE_EQ: { return select(0.0, 1.0, a == b); }
    case COMPARE_NE: { return select(1.0, 0.0, a == b); } // an adapter's != may be false for NaN
    case COMPARE_GT: { return select(0.0, 1.0, a > b); }
    case COMPARE_GE: { return select(0.0, 1.0, a >= b); }
    case COMPARE_LT: { return select(0.0, 1.0, a < b); }
    case COMPARE_LE: { return select(0.0, 1.0, a <= b); }
    case COMPARE_SAME: { return select(0.0, 1.0, a == b || (is_nan1(f32(a)) && is_nan1(f32(b)))); }
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
  y[i] = Y(compared(a[at.x], b[at.y]));
}
