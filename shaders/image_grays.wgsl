// The mean gray of what ColorJitter's contrast is applied to: images u8 [B, H, W, 3] packed four a word, geometry
// f32 [B, 9], jitter f32 [B, 8] → grays f32 [B]. One workgroup an image.
// @include lib/images.wgsl
struct Params { H: u32, W: u32, OH: u32, OW: u32 }
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> geometry: array<f32>;
@group(0) @binding(2) var<storage, read> jitter: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grays: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let image = wid.x;
  // A row's sum is added to the rows' sum, so that rounding grows with a side of the image, not with its area.
  var sum = 0.0;
  for (var row = 0u; row < params.OH; row++) {
    var of_row = 0.0;
    for (var column = lid; column < params.OW; column += 256u) {
      of_row += gray_of(jittered(image, sampled(image, row, column), 0.0, true));
    }
    sum += of_row;
  }
  partial[lid] = sum;
  workgroupBarrier();
  for (var half = 128u; half > 0u; half >>= 1u) {
    if (lid < half) { partial[lid] += partial[lid + half]; }
    workgroupBarrier();
  }
  if (lid == 0u) { grays[image] = partial[0] / f32(params.OH * params.OW); }
}
