// Bytes to network input: images u8 [B, H, W, 3] packed four a word, flips u32 [B] (1: mirrored) → y [B, H, W, 3] =
// (v/255 - mean)/std. One invocation a pixel, ceil(B·H·W / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params {
  pixels: u32, H: u32, W: u32,
  mean0: f32, mean1: f32, mean2: f32, std0: f32, std1: f32, std2: f32,
}
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> flips: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<uniform> params: Params;

fn byte_at(i: u32) -> f32 {
  return f32((images[i / 4u] >> (8u * (i % 4u))) & 255u) / 255.0;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let pixel = workgroup_linear(wid, nwg) * 64u + lid;
  if (pixel >= params.pixels) { return; }
  let column = pixel % params.W;
  let source = select(pixel, pixel - column + params.W - 1u - column, flips[pixel / (params.H * params.W)] != 0u);
  y[3u * pixel] = T((byte_at(3u * source) - params.mean0) / params.std0);
  y[3u * pixel + 1u] = T((byte_at(3u * source + 1u) - params.mean1) / params.std1);
  y[3u * pixel + 2u] = T((byte_at(3u * source + 2u) - params.mean2) / params.std2);
}
