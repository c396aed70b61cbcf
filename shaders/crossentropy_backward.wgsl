// dlogits [rows, classes] = dlosses·((1-ε)·w_t·(p_c - [c = t]) + ε/C·(p_c·Σw - w_c)) with p = exp(x - m) / Σ exp(x -
// m); dlosses [rows]; sums [rows, 2]: m and the sum, of crossentropy_forward.wgsl. One invocation an element, ceil(rows
// · classes / 64) workgroups.
// @variant X = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
struct Params { rows: u32, classes: u32, has_weight: u32, smoothing: f32, ignore: i32 }
@group(0) @binding(0) var<storage, read> logits: array<X>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> sums: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> dlosses: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<X>;
@group(0) @binding(6) var<uniform> params: Params;

fn weight_of(c: u32) -> f32 {
  if (params.has_weight == 0u) { return 1.0; }
  return weight[c];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.rows * params.classes) { return; }
  let row = at / params.classes;
  let c = at % params.classes;
  let label = labels[row];
  let p = exp1(f32(logits[at]) - sums[row].x) / sums[row].y;
  if (label == params.ignore || label < 0 || label >= i32(params.classes)) {
    dlogits[at] = X(select(0.0, p, is_nan1(p))); // a row that is not finite is noticed also where it does not count
    return;
  }
  var d = (1.0 - params.smoothing) * weight_of(u32(label)) * (p - select(0.0, 1.0, c == u32(label)));
  if (params.smoothing > 0.0) {
    var all = f32(params.classes);
    if (params.has_weight != 0u) {
      all = 0.0;
      for (var k = 0u; k < params.classes; k++) { all += weight[k]; }
    }
    d += params.smoothing / f32(params.classes) * (p * all - weight_of(c));
  }
  dlogits[at] = X(dlosses[row] * d);
}
