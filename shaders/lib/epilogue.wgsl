// What follows a convolution's sum for output channel o, stored at `at`: · scale, + bias, + residual, max(0), each if
// wanted.
override ADD: bool = false; // whether there is a residual: its loads are left out otherwise

fn finished(sum: f32, o: u32, at: u32) -> T {
  var v = sum;
  if (params.has_scale != 0u) { v *= scale[o]; }
  if (params.has_bias != 0u) { v += bias[o]; }
  if (ADD) { v += f32(residual[at]); }
  return T(select(v, 0.0, params.relu != 0u && v < 0.0));
}
