// Second stage: parts [chunks, 2, channels] → dbias, dweight [channels] (Σ g, Σ g·x̂), in the order of the chunks.
// One invocation a channel, ceil(channels / 64) workgroups.
struct Params { channels: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  if (c >= params.channels) { return; }
  var sum = 0.0;
  var product = 0.0;
  for (var k = 0u; k < params.chunks; k++) {
    let at = k * 2u * params.channels + c;
    sum += parts[at];
    product += parts[at + params.channels];
  }
  dbias[c] = sum;
  dweight[c] = product;
}
