// Winograd's transform of 3×3 kernels: w [3, 3, C, CO] → u [(TILE+2)², C, CO], u = G·g·Gᵀ. With `flip` the kernels are
// rotated by 180° first, as the gradient for the input wants them. One invocation a pair of channels;
// dispatched over ceil(C·CO / 64).
// @include lib/winograd.wgsl
// @include lib/index.wgsl
// @variant T = f32, f16
// @variant TILE = 2, 4
struct Params { pairs: u32, flip: u32 }
@group(0) @binding(0) var<storage, read> w: array<T>;
@group(0) @binding(1) var<storage, read_write> u: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  if (id >= params.pairs) { return; }
  var rows: array<Line, 6>;
  @unroll for (var i = 0u; i < 3u; i++) {
    var g: Line;
    @unroll for (var j = 0u; j < 3u; j++) {
      g[j] = f32(w[select(i * 3u + j, 8u - i * 3u - j, params.flip != 0u) * params.pairs + id]);
    }
    rows[i] = weight_line(g);
  }
  @unroll for (var j = 0u; j < P; j++) {
    let out = weight_line(Line(rows[0][j], rows[1][j], rows[2][j], NONE, NONE, NONE));
    @unroll for (var i = 0u; i < P; i++) { u[(i * P + j) * params.pairs + id] = out[i]; }
  }
}
