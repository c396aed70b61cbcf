// Gradients of a scaled loss made those of the loss itself: g /= scale, in place; notes in `scaler` if one of them is
// not finite. g: a run of gradients [n]; chunks: [count, 2], first element and length, which leave out the alignment
// gaps between parameters. scaler: lib/scaler.wgsl. One workgroup a chunk, `count` workgroups.
// @include lib/index.wgsl
// @include lib/scaler.wgsl
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> g: array<f32>;
@group(0) @binding(1) var<storage, read> chunks: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> scaler: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = workgroup_linear(wid, nwg);
  if (c >= params.count) { return; }
  let chunk = chunks[c];
  let factor = 1.0 / bitcast<f32>(atomicLoad(&scaler[SCALE]));
  var bad = false;
  for (var i = lid; i < chunk.y; i += 64u) {
    let v = g[chunk.x + i];
    // A compiler may assume that infinity and NaN do not occur, so the test looks at the bits.
    bad = bad || (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u;
    g[chunk.x + i] = v * factor;
  }
  if (bad) { atomicStore(&scaler[FOUND], 1u); } // whoever comes first: it is always the same number
}
