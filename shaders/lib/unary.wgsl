// Elementwise functions and their derivatives. To add one: its name in the list, a case in both functions, a line in
// src/ops/unary.ts; the build refuses a list and cases that differ. Those that no model
// here needs are in lib/elementary.wgsl, so that a page without them does not load them.
// @enum OP = relu, exp, log, sqrt, neg, sigmoid, tanh, abs, gelu, geluTanh, silu, hardswish, hardsigmoid
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/gelu.wgsl
// @include lib/gradient.wgsl
override OP: u32;

// y = op(x).
fn value(x: vec4<f32>) -> vec4<f32> {
  switch (OP) {
    case OP_RELU: { return relu(x); }
    case OP_EXP: { return precise_exp(x); }
    case OP_LOG: { return precise_log(x); }
    case OP_SQRT: { return sqrt(x); }
    case OP_NEG: { return -x; }
    case OP_SIGMOID: { return sigmoid(x); }
    case OP_TANH: { return precise_tanh(x); }
    case OP_ABS: { return abs(x); }
    case OP_GELU: { return gelu(x); }
    case OP_GELUTANH: { return gelu_tanh(x); }
    case OP_SILU: { return silu(x); }
    case OP_HARDSWISH: { return hardswish(x); }
    case OP_HARDSIGMOID: { return select(clamp(x + 3.0, vec4<f32>(0.0), vec4<f32>(6.0)) / 6.0, x, is_nan(x)); }
    default: { return vec4<f32>(nan()); }
  }
}

// g · op′(x), in x or in y = op(x): the one that src/ops/unary.ts says, named here v.
fn derivative(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  switch (OP) {
    case OP_RELU: { return relu_gradient(v, g); } // y
    case OP_EXP: { return g * v; } // y
    case OP_LOG: { return g / v; } // x
    case OP_SQRT: { return 0.5 * g / v; } // y
    case OP_NEG: { return -g; } // neither
    case OP_SIGMOID: { return g * v * (1.0 - v); } // y
    case OP_TANH: { return g * (1.0 - v * v); } // y
    case OP_ABS: { return g * sign(v); } // x
    case OP_GELU: { return gelu_gradient(v, g); } // x
    case OP_GELUTANH: { return gelu_tanh_gradient(v, g); } // x
    case OP_SILU: { return silu_gradient(v, g); } // x
    case OP_HARDSWISH: { return hardswish_gradient(v, g); } // x
    case OP_HARDSIGMOID: { // x: in y what lies just below 3 would be lost
      return select(vec4<f32>(0.0), g / 6.0, (v > vec4<f32>(-3.0)) & (v < vec4<f32>(3.0)));
    }
    default: { return vec4<f32>(nan()); }
  }
}
