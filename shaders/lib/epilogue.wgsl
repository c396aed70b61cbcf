// What follows a convolution's sum, each if wanted: · scale, + bias (by output channel), + residual (shaped as the
// result), activation. The kernel works on one value or on four at a time: it includes lib/one.wgsl or lib/four.wgsl.
// @include lib/activation.wgsl
override has_scale: bool = false;
override has_bias: bool = false;
override has_residual: bool = false;

fn scale_of(channel: u32) -> Value {
  var factor = Value(1.0);
  if (has_scale) { factor = scale[channel]; }
  return factor;
}

fn bias_of(channel: u32) -> Value {
  var shift = Value(0.0);
  if (has_bias) { shift = bias[channel]; }
  return shift;
}

// The result that is stored at `at`.
fn finished(sum: Value, factor: Value, shift: Value, at: u32) -> Stored {
  var v = sum * factor + shift;
  if (has_residual) { v += Value(residual[at]); }
  return Stored(activated(v));
}
