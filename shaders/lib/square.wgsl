// What the depthwise kernels for software adapters share: kernels of K × K taps, K odd, moved by S, K / 2 zeros on each
// side. Such an adapter gathers what it loads lane by lane, which takes as long as some twenty products, so an
// invocation makes TW columns of a whole image: every line of the image is loaded once, and what it adds to the lines
// that it meets stays in registers.
const TW = 8u;
const P = K / 2u;
struct Params { N: u32, H: i32, W: i32, C: u32, OH: i32, OW: i32, images: u32 }

// One number of a line of `width` pixels, whose first is number `row` of channel c; 0 outside.
fn place(row: u32, ix: i32, width: i32) -> u32 {
  return row + u32(clamp(ix, 0, width - 1)) * params.C;
}
fn within(value: f32, ix: i32, width: i32) -> f32 {
  return select(0.0, value, ix >= 0 && ix < width);
}
