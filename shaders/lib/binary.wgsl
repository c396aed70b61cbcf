// Elementwise operators of two operands.
// @enum OP = add, sub, mul, div, maximum, minimum
// @include lib/nan.wgsl
// @include lib/math.wgsl
override OP: u32;

fn combined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  switch (OP) {
    case OP_ADD: { return a + b; }
    case OP_SUB: { return a - b; }
    case OP_MUL: { return a * b; }
    case OP_DIV: { return a / b; }
    case OP_MAXIMUM: { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }
    case OP_MINIMUM: { return select(select(min(a, b), b, is_nan(b)), a, is_nan(a)); }
    default: { return vec4<f32>(nan()); }
  }
}
