// What ends the input pipeline: noise, a box erased, and the mixture with another image of the batch. x [B, H, W, 3],
// normalised → y, where effects [B, 16], four vec4 an image, is
//   share, partner, sigma, key: y = share·x + (1 - share)·partner's; sigma: deviation of the noise on the scale 0 … 1
//   top, left, bottom, right: the box in which the partner is seen
//   top, left, bottom, right: the box that is erased: 0, the mean colour
//   the blur (augment_blur.wgsl, which runs before) and three that mean nothing
// Noise is added to the colour 0 … 1, which stays in that range; erased is after it, mixed after that. One invocation
// a pixel.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/rng.wgsl
struct Params {
  pixels: u32, H: u32, W: u32,
  mean0: f32, mean1: f32, mean2: f32, std0: f32, std1: f32, std2: f32,
}
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> effects: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<uniform> params: Params;

fn inside(box: vec4<f32>, row: f32, column: f32) -> bool {
  return row >= box.x && column >= box.y && row < box.z && column < box.w;
}

// Three normal numbers of an image's pixel (Box & Muller).
fn normal3(key: u32, at: u32) -> vec3<f32> {
  let u = uniform01(pcg4d(vec4<u32>(at, key, 0u, 0u)));
  let radius = sqrt(-2.0 * log(1.0 - u.xy));
  let angle = 6.283185307179586 * u.zw;
  return vec3<f32>(radius * cos(angle), radius.x * sin(angle.x));
}

// An image's own pixel after noise and erasing.
fn value(image: u32, at: u32) -> vec3<f32> {
  let row = f32(at / params.W);
  let column = f32(at % params.W);
  if (inside(effects[4u * image + 2u], row, column)) { return vec3<f32>(0.0); }
  let i = 3u * (image * params.H * params.W + at);
  let colour = vec3<f32>(f32(x[i]), f32(x[i + 1u]), f32(x[i + 2u]));
  let noise = effects[4u * image];
  if (noise.z == 0.0) { return colour; }
  let mean = vec3<f32>(params.mean0, params.mean1, params.mean2);
  let deviation = vec3<f32>(params.std0, params.std1, params.std2);
  let noisy = colour * deviation + mean + noise.z * normal3(u32(noise.w), at);
  return (clamp(noisy, vec3<f32>(0.0), vec3<f32>(1.0)) - mean) / deviation;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let pixel = workgroup_linear(wid, nwg) * 64u + lid;
  if (pixel >= params.pixels) { return; }
  let size = params.H * params.W;
  let image = pixel / size;
  let at = pixel % size;
  let mixture = effects[4u * image];
  let partner = u32(mixture.y);
  var colour = value(image, at);
  if (inside(effects[4u * image + 1u], f32(at / params.W), f32(at % params.W))) {
    colour = value(partner, at);
  } else if (mixture.x < 1.0) {
    colour = mixture.x * colour + (1.0 - mixture.x) * value(partner, at);
  }
  y[3u * pixel] = T(colour.x);
  y[3u * pixel + 1u] = T(colour.y);
  y[3u * pixel + 2u] = T(colour.z);
}
