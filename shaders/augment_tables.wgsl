// Tone curves of a batch: images u8 [B, H, W, 3] packed four a word, strengths f32 [B, N] of which column `at` counts →
// tables u32 [B, 3, TILES, TILES, 64], the 256 levels that a tile's levels become, four a word. 0 changes nothing; else
//   autocontrast: the levels that occur, stretched to 0 … 255 (Pillow's ImageOps.autocontrast)
//   equalize:     each level by how many pixels lie below it (Pillow's ImageOps.equalize)
//   clahe:        the same of a tile, where no level counts more than `strength` times the mean (OpenCV's CLAHE); tiles
//                 are tile_h × tile_w, beyond the edge the image is mirrored
// One workgroup a table.
// @enum TONE = autocontrast, equalize, clahe
override TONE: u32;
struct Params { H: u32, W: u32, tile_h: u32, tile_w: u32, tiles: u32, N: u32, at: u32 }
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> strengths: array<f32>;
@group(0) @binding(2) var<storage, read_write> tables: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> counts: array<atomic<u32>, 256>;
var<workgroup> sums: array<u32, 64>;
// The least and the largest level that occurs.
var<workgroup> least: atomic<u32>;
var<workgroup> largest: atomic<u32>;
// What was cut off all levels together.
var<workgroup> surplus: atomic<u32>;

fn mirrored(at: u32, size: u32) -> u32 {
  return select(at, 2u * (size - 1u) - at, at >= size);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let table = wid.x;
  let tile = table % (params.tiles * params.tiles);
  let plane = table / (params.tiles * params.tiles);
  let image = plane / 3u;
  let strength = strengths[image * params.N + params.at];
  for (var k = 0u; k < 4u; k++) { atomicStore(&counts[4u * lid + k], 0u); }
  if (lid == 0u) {
    atomicStore(&least, 255u);
    atomicStore(&largest, 0u);
    atomicStore(&surplus, 0u);
  }
  workgroupBarrier();

  let size = params.tile_h * params.tile_w;
  let top = tile / params.tiles * params.tile_h;
  let left = tile % params.tiles * params.tile_w;
  for (var i = lid; i < size; i += 64u) {
    let y = mirrored(top + i / params.tile_w, params.H);
    let x = mirrored(left + i % params.tile_w, params.W);
    let byte = 3u * ((image * params.H + y) * params.W + x) + plane % 3u;
    let level = (images[byte / 4u] >> (8u * (byte % 4u))) & 255u;
    atomicAdd(&counts[level], 1u);
    atomicMin(&least, level);
    atomicMax(&largest, level);
  }
  workgroupBarrier();

  var own: array<u32, 4>;
  for (var k = 0u; k < 4u; k++) { own[k] = atomicLoad(&counts[4u * lid + k]); }
  if (TONE == TONE_CLAHE) {
    let limit = max(1u, u32(strength * f32(size) / 256.0));
    for (var k = 0u; k < 4u; k++) {
      if (own[k] > limit) { atomicAdd(&surplus, own[k] - limit); }
      own[k] = min(own[k], limit);
    }
    workgroupBarrier();
    // An equal share of the surplus for each level; what is left of it goes to levels in equal steps.
    let all = atomicLoad(&surplus);
    let left_over = all % 256u;
    let every = max(256u / max(left_over, 1u), 1u);
    for (var k = 0u; k < 4u; k++) {
      let level = 4u * lid + k;
      own[k] += all / 256u + u32(level % every == 0u && level / every < left_over);
    }
  }
  sums[lid] = own[0] + own[1] + own[2] + own[3];
  workgroupBarrier();

  var below = 0u;
  for (var l = 0u; l < lid; l++) { below += sums[l]; }
  let low = atomicLoad(&least);
  let high = atomicLoad(&largest);
  // Pixels that lie between two levels of the result.
  let step = (size - atomicLoad(&counts[high])) / 255u;
  var word = 0u;
  for (var k = 0u; k < 4u; k++) {
    let level = 4u * lid + k;
    var to = level;
    if (strength > 0.0) {
      if (TONE == TONE_AUTOCONTRAST) {
        if (high > low && level > low) { to = 255u * (level - low) / (high - low); }
        if (high > low && level <= low) { to = 0u; }
      } else if (TONE == TONE_EQUALIZE) {
        if (step > 0u) { to = (step / 2u + below) / step; }
      } else {
        to = u32(round(f32(below + own[k]) * (255.0 / f32(size))));
      }
    }
    below += own[k];
    word |= min(to, 255u) << (8u * k);
  }
  tables[64u * table + lid] = word;
}
