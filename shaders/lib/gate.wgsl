// What follows a product: an activation, or, where `gate` is bound, the way back through one. The product is then the
// gradient of an activation's result, `gate`, shaped as it, what went into the activation.
// @include lib/activation.wgsl
// @include lib/gradient.wgsl
override has_gate: bool = false;

// g · activation′(v).
fn activation_gradient(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  switch (ACTIVATION) {
    case ACTIVATION_NONE: { return g; }
    case ACTIVATION_RELU: { return relu_gradient(v, g); }
    case ACTIVATION_GELU: { return gelu_gradient(v, g); }
    case ACTIVATION_GELUTANH: { return gelu_tanh_gradient(v, g); }
    case ACTIVATION_SILU: { return silu_gradient(v, g); }
    case ACTIVATION_HARDSWISH: { return hardswish_gradient(v, g); }
    default: { return vec4<f32>(nan()); }
  }
}
