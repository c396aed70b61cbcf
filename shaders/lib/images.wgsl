// Images of a batch under a map of the plane each, and torchvision's ColorJitter. The kernel that includes this
// declares `images` (u8 [B, H, W, 3], four bytes a word), `geometry` (f32 [B, 9]), `jitter` (f32 [B, 8] as two vec4 an
// image) and in `params` the size of an image before, H × W, and after, OH × OW.
override NEAREST: bool;

fn byte_at(i: u32) -> f32 {
  return f32((images[i / 4u] >> (8u * (i % 4u))) & 255u) / 255.0;
}

// The colour 0 … 1 at a pixel of an image; the edge's beyond the edge.
fn pixel_at(image: u32, row: i32, column: i32) -> vec3<f32> {
  let y = u32(clamp(row, 0, i32(params.H) - 1));
  let x = u32(clamp(column, 0, i32(params.W) - 1));
  let at = 3u * ((image * params.H + y) * params.W + x);
  return vec3<f32>(byte_at(at), byte_at(at + 1u), byte_at(at + 2u));
}

// The colour at a pixel of the mapped image: where its centre comes from, as Pillow finds it; black from outside.
fn sampled(image: u32, row: u32, column: u32) -> vec3<f32> {
  let centre = vec2<f32>(f32(column) + 0.5, f32(row) + 0.5);
  let g = 9u * image;
  let w = geometry[g + 6u] * centre.x + geometry[g + 7u] * centre.y + geometry[g + 8u];
  let x = (geometry[g] * centre.x + geometry[g + 1u] * centre.y + geometry[g + 2u]) / w;
  let y = (geometry[g + 3u] * centre.x + geometry[g + 4u] * centre.y + geometry[g + 5u]) / w;
  if (!(x >= 0.0 && x < f32(params.W) && y >= 0.0 && y < f32(params.H))) { return vec3<f32>(0.0); }
  if (NEAREST) { return pixel_at(image, i32(y), i32(x)); }
  let corner = floor(vec2<f32>(x, y) - 0.5);
  let part = vec2<f32>(x, y) - 0.5 - corner;
  let left = i32(corner.x);
  let top = i32(corner.y);
  let above = mix(pixel_at(image, top, left), pixel_at(image, top, left + 1), part.x);
  let below = mix(pixel_at(image, top + 1, left), pixel_at(image, top + 1, left + 1), part.x);
  return mix(above, below, part.y);
}

fn gray_of(rgb: vec3<f32>) -> f32 {
  return dot(rgb, vec3<f32>(0.2989, 0.587, 0.114));
}

fn blend(a: vec3<f32>, b: vec3<f32>, share: f32) -> vec3<f32> {
  return clamp(share * a + (1.0 - share) * b, vec3<f32>(0.0), vec3<f32>(1.0));
}

// The hue moved by `turn` of a full circle, saturation and value kept.
fn hue_moved(rgb: vec3<f32>, turn: f32) -> vec3<f32> {
  let value = max(rgb.r, max(rgb.g, rgb.b));
  let range = value - min(rgb.r, min(rgb.g, rgb.b));
  if (range == 0.0 || turn == 0.0) { return rgb; }
  let to = (vec3<f32>(value) - rgb) / range;
  var hue = select(select(4.0 + to.g - to.r, 2.0 + to.r - to.b, value == rgb.g), to.b - to.g, value == rgb.r);
  hue = fract(hue / 6.0 + 1.0 + turn);
  let wave = abs(fract(vec3<f32>(hue) + vec3<f32>(0.0, 2.0 / 3.0, 1.0 / 3.0)) * 6.0 - 3.0) - 1.0;
  return value - range + range * clamp(wave, vec3<f32>(0.0), vec3<f32>(1.0));
}

// Brightness, contrast, saturation and hue by an image's factors, in its order. Contrast needs the mean gray of what it
// is applied to: with `until_contrast`, what that is the mean of.
fn jittered(image: u32, colour: vec3<f32>, mean_gray: f32, until_contrast: bool) -> vec3<f32> {
  let factor = jitter[2u * image];
  let place = jitter[2u * image + 1u];
  var rgb = colour;
  for (var step = 0.0; step < 4.0; step += 1.0) {
    if (place.x == step) {
      rgb = blend(rgb, vec3<f32>(0.0), factor.x);
    } else if (place.y == step) {
      if (until_contrast) { return rgb; }
      rgb = blend(rgb, vec3<f32>(mean_gray), factor.y);
    } else if (place.z == step) {
      rgb = blend(rgb, vec3<f32>(gray_of(rgb)), factor.z);
    } else {
      rgb = hue_moved(rgb, factor.w);
    }
  }
  return rgb;
}
