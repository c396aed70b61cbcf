// Windows of average pooling along one axis: `outs` bins over `size`, as evenly as they go where `kernel` is 0
// (adaptive pooling, as in PyTorch), else one every `stride`, `padding` before the image's first.
struct Axis { size: u32, outs: u32, kernel: u32, stride: u32, padding: u32 }
struct Span { first: u32, end: u32 }

// What window o covers inside of the image.
fn window_of(o: u32, axis: Axis) -> Span {
  if (axis.kernel == 0u) { return Span(o * axis.size / axis.outs, ceil_div((o + 1u) * axis.size, axis.outs)); }
  let begin = o * axis.stride;
  return Span(max(begin, axis.padding) - axis.padding, min(begin + axis.kernel - axis.padding, axis.size));
}

// The windows that cover place i.
fn windows_over(i: u32, axis: Axis) -> Span {
  if (axis.kernel == 0u) {
    return Span(i * axis.outs / axis.size, min(ceil_div((i + 1u) * axis.outs, axis.size), axis.outs));
  }
  let after = i + axis.padding;
  let first = select(0u, (after - axis.kernel) / axis.stride + 1u, after >= axis.kernel);
  return Span(first, min(after / axis.stride + 1u, axis.outs));
}

fn ceil_div(a: u32, b: u32) -> u32 {
  return (a + b - 1u) / b;
}

// What the sum of a window is divided by.
fn divisor_of(y: Span, x: Span) -> f32 {
  if (params.count_padding != 0u) { return f32(params.KH * params.KW); }
  return f32((y.end - y.first) * (x.end - x.first));
}

fn vertical() -> Axis {
  return Axis(params.H, params.OH, params.KH, params.SH, params.PH);
}

fn horizontal() -> Axis {
  return Axis(params.W, params.OW, params.KW, params.SW, params.PW);
}
