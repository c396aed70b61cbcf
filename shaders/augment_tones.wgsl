// Images under their tone curves: images u8 [B, H, W, 3] packed four a word, tables u32 [B, 3, TILES, TILES, 64] as
// augment_tables makes them → y, as images. Between the middles of tiles, curves are mixed (bilinear). One invocation a
// word, four bytes.
// @include lib/index.wgsl
struct Params { words: u32, bytes: u32, H: u32, W: u32, tile_h: u32, tile_w: u32, tiles: u32 }
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> tables: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

fn curve(plane: u32, row: u32, column: u32, level: u32) -> f32 {
  let table = (plane * params.tiles + row) * params.tiles + column;
  return f32((tables[64u * table + level / 4u] >> (8u * (level % 4u))) & 255u);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let word = workgroup_linear(wid, nwg) * 64u + lid;
  if (word >= params.words) { return; }
  let last = f32(params.tiles - 1u);
  let levels = images[word];
  var result = 0u;
  for (var k = 0u; k < 4u; k++) {
    let byte = 4u * word + k;
    if (byte >= params.bytes) { break; }
    let pixel = byte / 3u;
    let image = pixel / (params.H * params.W);
    let plane = 3u * image + byte % 3u;
    let level = (levels >> (8u * k)) & 255u;
    let at = vec2<f32>(
      f32(pixel / params.W % params.H) / f32(params.tile_h) - 0.5,
      f32(pixel % params.W) / f32(params.tile_w) - 0.5,
    );
    let first = vec2<u32>(max(floor(at), vec2<f32>(0.0)));
    let second = vec2<u32>(min(floor(at) + 1.0, vec2<f32>(last)));
    let part = at - floor(at);
    let above = mix(curve(plane, first.x, first.y, level), curve(plane, first.x, second.y, level), part.y);
    let below = mix(curve(plane, second.x, first.y, level), curve(plane, second.x, second.y, level), part.y);
    result |= u32(round(mix(above, below, part.x))) << (8u * k);
  }
  y[word] = result;
}
