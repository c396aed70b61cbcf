// Bytes to network input: images u8 [B, H, W, 3] packed four a word, geometry f32 [B, 9], jitter f32 [B, 8] with the
// mean grays f32 [B] it needs (optional) → y [B, OH, OW, 3] = (v/255 - mean)/std. One invocation a pixel.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/images.wgsl
struct Params {
  pixels: u32, H: u32, W: u32, OH: u32, OW: u32,
  mean0: f32, mean1: f32, mean2: f32, std0: f32, std1: f32, std2: f32,
}
override has_jitter: bool;
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> geometry: array<f32>;
@group(0) @binding(2) var<storage, read> jitter: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> grays: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<T>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let pixel = workgroup_linear(wid, nwg) * 64u + lid;
  if (pixel >= params.pixels) { return; }
  let row = pixel / params.OW;
  let image = row / params.OH;
  var rgb = sampled(image, row % params.OH, pixel % params.OW);
  if (has_jitter) { rgb = jittered(image, rgb, grays[image], false); }
  y[3u * pixel] = T((rgb.r - params.mean0) / params.std0);
  y[3u * pixel + 1u] = T((rgb.g - params.mean1) / params.std1);
  y[3u * pixel + 2u] = T((rgb.b - params.mean2) / params.std2);
}
