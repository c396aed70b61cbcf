// Winograd's transform of an image for 3×3 windows: x [N, H, W, C] → v [(TILE+2)², tiles, C], v = Bᵀ·d·B for each patch
// d of TILE+2 rows and columns. Patches start every TILE pixels, PH and PW pixels before the image; outside of it there
// is zero. Tiles are [N, TH, TW]. One invocation a tile and channel, lanes along channels; dispatched over ceil(tiles·C
// / 64).
// @include lib/winograd.wgsl
// @include lib/index.wgsl
// @variant T = f32, f16
// @variant TILE = 2, 4
struct Params { H: i32, W: i32, C: u32, TH: u32, TW: u32, tiles: u32, PH: i32, PW: i32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  if (id >= params.tiles * params.C) { return; }
  let tile = id / params.C;
  let c = id - tile * params.C;
  let line = tile / params.TW;
  let n = line / params.TH;
  let top = i32((line - n * params.TH) * TILE) - params.PH;
  let left = i32((tile - line * params.TW) * TILE) - params.PW;
  var rows: array<Line, 6>;
  @unroll for (var i = 0u; i < P; i++) {
    let iy = top + i32(i);
    let row_ok = iy >= 0 && iy < params.H;
    let row = (i32(n) * params.H + iy) * params.W + left;
    var d: Line;
    @unroll for (var j = 0u; j < P; j++) {
      let ix = left + i32(j);
      let ok = row_ok && ix >= 0 && ix < params.W;
      d[j] = select(NONE, f32(x[select(0u, u32(row + i32(j)) * params.C + c, ok)]), ok);
    }
    rows[i] = input_line(d);
  }
  @unroll for (var j = 0u; j < P; j++) {
    var d: Line;
    @unroll for (var i = 0u; i < P; i++) { d[i] = rows[i][j]; }
    let out = input_line(d);
    @unroll for (var i = 0u; i < P; i++) { v[((i * P + j) * params.tiles + tile) * params.C + c] = out[i]; }
  }
}
