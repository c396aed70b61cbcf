// The activation that may follow a product or a convolution in the same kernel. To add one: its name in the list, a
// case here and in lib/gate.wgsl, and the function of the same name in lib/unary.wgsl.
// @enum ACTIVATION = none, relu, gelu, geluTanh, silu, hardswish
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/gelu.wgsl
override ACTIVATION: u32;

fn activation(v: vec4<f32>) -> vec4<f32> {
  switch (ACTIVATION) {
    case ACTIVATION_NONE: { return v; }
    case ACTIVATION_RELU: { return relu(v); }
    case ACTIVATION_GELU: { return gelu(v); }
    case ACTIVATION_GELUTANH: { return gelu_tanh(v); }
    case ACTIVATION_SILU: { return silu(v); }
    case ACTIVATION_HARDSWISH: { return hardswish(v); }
    default: { return vec4<f32>(nan()); }
  }
}
