// More elementwise functions and their derivatives, as lib/unary.wgsl. a and b are numbers that some functions take.
// @enum OP = rsqrt, reciprocal, square, sign, floor, ceil, round, sin, cos, expm1, log1p, softplus
// @enum OP = leakyRelu, elu, clamp
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/log1p.wgsl
// @include lib/trig.wgsl
struct Params { n: u32, a: f32, b: f32 }
override OP: u32;

// y = op(x).
fn value(x: vec4<f32>) -> vec4<f32> {
  switch (OP) {
    case OP_RSQRT: { return 1.0 / sqrt(x); }
    case OP_RECIPROCAL: { return 1.0 / x; }
    case OP_SQUARE: { return x * x; }
    case OP_SIGN: { return select(sign(x), vec4<f32>(0.0), is_nan(x)); }
    case OP_FLOOR: { return floor(x); }
    case OP_CEIL: { return ceil(x); }
    case OP_ROUND: { return round(x); }
    case OP_SIN: { return precise_sin(x, 0u); }
    case OP_COS: { return precise_sin(x, 1u); }
    case OP_EXPM1: { return precise_expm1(x); }
    case OP_LOG1P: { return precise_log1p(x); }
    case OP_SOFTPLUS: { // a: beta, b: threshold
      return select(softplus(params.a * x) / params.a, x, params.a * x > vec4<f32>(params.b));
    }
    case OP_LEAKYRELU: { return select(params.a * x, x, x > vec4<f32>(0.0)); } // a: slope
    case OP_ELU: { return select(x, params.a * precise_expm1(x), x <= vec4<f32>(0.0)); } // a: alpha
    case OP_CLAMP: { return clamp_nan(x, params.a, params.b); } // a: least, b: most
    default: { return vec4<f32>(nan()); }
  }
}

// g · op′(x), in x or in y = op(x): the one that src/ops/unary.ts says, named here v.
fn derivative(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  switch (OP) {
    case OP_RSQRT: { return -0.5 * g * v * v * v; } // y
    case OP_RECIPROCAL: { return -g * v * v; } // y
    case OP_SQUARE: { return 2.0 * g * v; } // x
    case OP_SIGN, OP_FLOOR, OP_CEIL, OP_ROUND: { return vec4<f32>(0.0); } // neither
    case OP_SIN: { return g * precise_sin(v, 1u); } // x
    case OP_COS: { return -g * precise_sin(v, 0u); } // x
    case OP_EXPM1: { return g * precise_exp(v); } // x: in y the tail would be lost
    case OP_LOG1P: { return g / (v + 1.0); } // x
    case OP_SOFTPLUS: { // x
      return g * select(sigmoid(params.a * v), vec4<f32>(1.0), params.a * v > vec4<f32>(params.b));
    }
    case OP_LEAKYRELU: { return select(params.a * g, g, v > vec4<f32>(0.0)); } // x
    case OP_ELU: { return select(g, g * params.a * precise_exp(v), v <= vec4<f32>(0.0)); } // x
    case OP_CLAMP: { // x
      return select(vec4<f32>(0.0), g, (v >= vec4<f32>(params.a)) & (v <= vec4<f32>(params.b)));
    }
    default: { return vec4<f32>(nan()); }
  }
}
