// The shape that the general convolution kernels share: G groups of CG input and OG output channels.
// @shape H, W, CG, OH, OW, OG, G, KH, KW, SH, SW, PH, PW, DH, DW
struct Params {
  N: u32, H: i32, W: i32, CG: u32, OH: i32, OW: i32, OG: u32, G: u32, KH: u32, KW: u32,
  SH: i32, SW: i32, PH: i32, PW: i32, DH: i32, DW: i32, splits: u32, k_per_split: u32,
}

// Whether pixels lie within an image of so many lines and columns: one comparison each, as what is below 0 is large
// without its sign.
fn within(y: vec4<i32>, x: vec4<i32>, lines: i32, columns: i32) -> vec4<bool> {
  return (vec4<u32>(y) < vec4<u32>(u32(lines))) & (vec4<u32>(x) < vec4<u32>(u32(columns)));
}
