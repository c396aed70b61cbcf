// Blurs images [B, H, W, 3] along one axis by the deviation that effects [B, 16] has for each, in pixels; 0 for none.
// torchvision's GaussianBlur, whose edges mirror the image. One invocation a pixel.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { pixels: u32, H: u32, W: u32, radius: i32, vertical: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> effects: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let pixel = workgroup_linear(wid, nwg) * 64u + lid;
  if (pixel >= params.pixels) { return; }
  let sigma = effects[4u * (pixel / (params.H * params.W)) + 3u].x;
  let along = select(params.W, params.H, params.vertical == 1u);
  let stride = select(1u, params.W, params.vertical == 1u);
  let at = i32(pixel / stride % along);
  let last = i32(along) - 1;
  let radius = select(params.radius, 0, sigma == 0.0);
  var sum = vec3<f32>(0.0);
  var weights = 0.0;
  for (var k = -radius; k <= radius; k++) {
    let distance = f32(k) / max(sigma, 1e-6);
    let weight = exp(-0.5 * distance * distance);
    let other = last - abs(last - abs(at + k));
    let i = 3u * (pixel + u32(other) * stride - u32(at) * stride);
    sum += weight * vec3<f32>(f32(x[i]), f32(x[i + 1u]), f32(x[i + 2u]));
    weights += weight;
  }
  y[3u * pixel] = T(sum.x / weights);
  y[3u * pixel + 1u] = T(sum.y / weights);
  y[3u * pixel + 2u] = T(sum.z / weights);
}
