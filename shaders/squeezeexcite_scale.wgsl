// Squeeze-excite, last of three: y = x·gate, by image and channel, or its gradient dx = dy·gate + shift. x, y [N·rows,
// C]; gate, shift [N, C]. Dispatched as squeezeexcite_sums.
// @variant T = f32, f16
// @include lib/chunk.wgsl
struct Params { sets: u32, rows: u32, channels: u32, chunks: u32, rows_per_chunk: u32, has_shift: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<storage, read> shift: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let chunk = chunk_of(wid, nwg);
  if (c >= params.channels || chunk.of_set >= params.sets) { return; }
  let factor = gate[chunk.of_set * params.channels + c];
  var summand = 0.0;
  if (params.has_shift != 0u) { summand = shift[chunk.of_set * params.channels + c]; }
  for (var row = chunk.first; row < chunk.end; row++) {
    let at = row * params.channels + c;
    y[at] = T(f32(x[at]) * factor + summand);
  }
}
