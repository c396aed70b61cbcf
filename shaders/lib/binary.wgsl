// Elementwise operators of two operands.
// @enum OP = add, sub, mul, div
// @include lib/nan.wgsl
override OP: u32;

fn combined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  switch (OP) {
    case OP_ADD: { return a + b; }
    case OP_SUB: { return a - b; }
    case OP_MUL: { return a * b; }
    case OP_DIV: { return a / b; }
    default: { return vec4<f32>(nan()); }
  }
}
