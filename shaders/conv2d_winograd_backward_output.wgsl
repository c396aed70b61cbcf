// The adjoint of conv2d_winograd_output.wgsl, for the weight gradient: dy [N, OH, OW, CO] → dm [(TILE+2)², tiles, CO],
// dm = A·dy·Aᵀ for each tile of TILE × TILE pixels, zero beyond the image's edge. Tiles are [N, TH, TW].
// One invocation a tile and channel, lanes along channels; dispatched over ceil(tiles·CO / 64).
// @include lib/winograd.wgsl
// @include lib/index.wgsl
// @variant T = f32, f16
// @variant TILE = 2, 4
struct Params { OH: u32, OW: u32, CO: u32, TH: u32, TW: u32, tiles: u32 }
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read_write> dm: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  if (id >= params.tiles * params.CO) { return; }
  let tile = id / params.CO;
  let c = id - tile * params.CO;
  let line = tile / params.TW;
  let n = line / params.TH;
  let top = (line - n * params.TH) * TILE;
  let left = (tile - line * params.TW) * TILE;
  var rows: array<Line, 6>;
  @unroll for (var i = 0u; i < TILE; i++) {
    var d: Line;
    @unroll for (var j = 0u; j < TILE; j++) {
      let ok = top + i < params.OH && left + j < params.OW;
      let at = ((n * params.OH + top + i) * params.OW + left + j) * params.CO + c;
      d[j] = select(NONE, f32(dy[select(0u, at, ok)]), ok);
    }
    rows[i] = output_adjoint_line(d);
  }
  @unroll for (var j = 0u; j < P; j++) {
    var d: Line;
    @unroll for (var i = 0u; i < TILE; i++) { d[i] = rows[i][j]; }
    let out = output_adjoint_line(d);
    @unroll for (var i = 0u; i < P; i++) { dm[((i * P + j) * params.tiles + tile) * params.CO + c] = out[i]; }
  }
}
