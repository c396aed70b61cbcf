// parts[64·c + lane] = Σ g² over every 64th element of chunk c of a run of gradients. g: [n]; chunks: [count, 2], first
// element and length: the alignment gaps between parameters are in no chunk. One workgroup a chunk, `count` workgroups.
// @include lib/index.wgsl
struct Params { count: u32, offset: u32 }
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> chunks: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = workgroup_linear(wid, nwg);
  if (c >= params.count) { return; }
  let chunk = chunks[c];
  var sum = 0.0;
  for (var i = lid; i < chunk.y; i += 64u) {
    let v = g[chunk.x + i];
    sum += v * v;
  }
  parts[params.offset + 64u * c + lid] = sum;
}
