// The adjoint of conv2d_winograd_weight.wgsl: du [(TILE+2)², parts, C, CO] → dw [3, 3, C, CO], dw = Gᵀ·Σdu·G.
// One invocation a pair of channels; dispatched over ceil(C·CO / 64).
// @include lib/winograd.wgsl
// @include lib/index.wgsl
// @variant TILE = 2, 4
struct Params { pairs: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> du: array<f32>;
@group(0) @binding(1) var<storage, read_write> dw: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  if (id >= params.pairs) { return; }
  var rows: array<Line, 6>;
  @unroll for (var i = 0u; i < P; i++) {
    var d = Line();
    for (var part = 0u; part < params.parts; part++) {
      @unroll for (var j = 0u; j < P; j++) { d[j] += du[((i * P + j) * params.parts + part) * params.pairs + id]; }
    }
    rows[i] = weight_adjoint_line(d);
  }
  @unroll for (var j = 0u; j < 3u; j++) {
    var d: Line;
    @unroll for (var i = 0u; i < P; i++) { d[i] = rows[i][j]; }
    let out = weight_adjoint_line(d);
    @unroll for (var i = 0u; i < 3u; i++) { dw[(i * 3u + j) * params.pairs + id] = out[i]; }
  }
}
