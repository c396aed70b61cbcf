// Squeeze-excite, first of three: x [N·rows, C] → parts [N·chunks, C], each channel's sum over one chunk of an image's
// pixels (lib/chunk.wgsl); with dy of that shape the sum of x·dy. An invocation a (channel, chunk), lanes along
// channels; dispatched over [ceil(C / 64), chunks of all images].
// @variant T = f32, f16
// @include lib/chunk.wgsl
struct Params { sets: u32, rows: u32, channels: u32, chunks: u32, rows_per_chunk: u32, has_dy: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let chunk = chunk_of(wid, nwg);
  if (c >= params.channels || chunk.of_set >= params.sets) { return; }
  var sum = 0.0;
  for (var row = chunk.first; row < chunk.end; row++) {
    let at = row * params.channels + c;
    var v = f32(x[at]);
    if (params.has_dy != 0u) { v *= f32(dy[at]); }
    sum += v;
  }
  parts[chunk.part * params.channels + c] = sum;
}
