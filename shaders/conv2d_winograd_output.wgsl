// Winograd's inverse transform: m [(TILE+2)², tiles, CO] → y [N, OH, OW, CO], Aᵀ·m·A for each tile of TILE × TILE
// pixels, cut at the image's edge; then lib/epilogue.wgsl. Tiles are [N, TH, TW]. One invocation a tile and channel,
// lanes along channels; dispatched over ceil(tiles·CO / 64).
// @include lib/winograd.wgsl
// @include lib/index.wgsl
// @include lib/one.wgsl
// @include lib/epilogue.wgsl
// @variant T = f32, f16
// @variant TILE = 2, 4
struct Params { OH: u32, OW: u32, CO: u32, TH: u32, TW: u32, tiles: u32 }
@group(0) @binding(0) var<storage, read> m: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<T>;
@group(0) @binding(4) var<storage, read_write> y: array<T>;
@group(0) @binding(5) var<uniform> params: Params;

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
  var columns: array<Line, 6>;
  @unroll for (var j = 0u; j < P; j++) {
    var d: Line;
    @unroll for (var i = 0u; i < P; i++) { d[i] = m[((i * P + j) * params.tiles + tile) * params.CO + c]; }
    columns[j] = output_line(d);
  }
  let factor = scale_of(c);
  let shift = bias_of(c);
  @unroll for (var i = 0u; i < TILE; i++) {
    var d: Line;
    @unroll for (var j = 0u; j < P; j++) { d[j] = columns[j][i]; }
    let out = output_line(d);
    @unroll for (var j = 0u; j < TILE; j++) {
      if (top + i < params.OH && left + j < params.OW) {
        let at = ((n * params.OH + top + i) * params.OW + left + j) * params.CO + c;
        y[at] = finished(out[j], factor, shift, at);
      }
    }
  }
}
