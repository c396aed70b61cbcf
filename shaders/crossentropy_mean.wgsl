// loss [1] = Σ losses / Σ counted and scale [1] = 1 / Σ counted, both NaN where nothing counts; losses, counted [rows].
// One workgroup of 64: each invocation every 64th row, by runs of 64, so that long sums lose little; then their sums in
// order.
// @include lib/nan.wgsl
struct Params { rows: u32 }
@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> counted: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
const LANES = 64u;
const RUN = 64u * LANES;
var<workgroup> partial: array<vec2<f32>, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lid: u32) {
  var sum = vec2<f32>(0.0);
  for (var first = lid; first < params.rows; first += RUN) {
    var part = vec2<f32>(0.0);
    for (var row = first; row < min(first + RUN, params.rows); row += LANES) {
      part += vec2<f32>(losses[row], counted[row]);
    }
    sum += part;
  }
  partial[lid] = sum;
  workgroupBarrier();
  if (lid != 0u) { return; }
  sum = vec2<f32>(0.0);
  for (var i = 0u; i < LANES; i++) { sum += partial[i]; }
  loss[0] = select(sum.x / sum.y, nan(), sum.y == 0.0);
  scale[0] = select(1.0 / sum.y, nan(), sum.y == 0.0);
}
