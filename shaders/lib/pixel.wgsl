// Channel c of pixel ix of a line of x that begins at `row`, 0 outside of the image.
fn pixel(row: i32, ix: i32, c: u32) -> f32 {
  let ok = ix >= 0 && ix < params.W;
  return select(0.0, f32(x[select(0u, u32(row + ix) * params.G + c, ok)]), ok);
}
