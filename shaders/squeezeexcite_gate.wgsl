// Squeeze-excite between its passes over pixels, there and back; weights w1 [C, S], w2 [S, C]. One workgroup an image.
// Forward: parts [N·chunks, C] (squeezeexcite_sums) → wide [N, C], the means; narrow [N, S] = means·w1 + b1; result
// [N, C] = gate(activation(narrow)·w2 + b2). `w_in` is w1, `w_out` w2, `inner` b1, `outer` b2.
// BACKWARD: parts of x·dy → wide and narrow, the gradients of what goes into gate and activation; result, what the
// means add to each pixel of dx. `w_in` is w2, `w_out` w1, `inner` [N, S] what went into the activation, `outer` [N, C]
// the gate.
// @include lib/squeeze.wgsl
override BACKWARD: bool;
struct Params { rows: u32, channels: u32, chunks: u32, squeezed: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read> w_in: array<f32>;
@group(0) @binding(2) var<storage, read> w_out: array<f32>;
@group(0) @binding(3) var<storage, read> inner: array<f32>;
@group(0) @binding(4) var<storage, read> outer: array<f32>;
@group(0) @binding(5) var<storage, read_write> wide: array<f32>;
@group(0) @binding(6) var<storage, read_write> narrow: array<f32>;
@group(0) @binding(7) var<storage, read_write> result: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;
const LANES = 16u; // of an element of `narrow`
var<workgroup> terms: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let C = params.channels;
  let S = params.squeezed;
  let all = wid.x * C;
  let few = wid.x * S;
  for (var c = lid; c < C; c += 256u) {
    var sum = 0.0;
    for (var k = 0u; k < params.chunks; k++) { sum += parts[(wid.x * params.chunks + k) * C + c]; }
    if (BACKWARD) { sum *= slope_gate(outer[all + c]); } else { sum /= f32(params.rows); }
    wide[all + c] = sum;
  }
  storageBarrier();
  for (var first = 0u; first < S; first += 256u / LANES) {
    let j = first + lid / LANES;
    var sum = 0.0;
    if (j < S) {
      for (var c = lid % LANES; c < C; c += LANES) {
        sum += wide[all + c] * w_in[select(c * S + j, j * C + c, BACKWARD)];
      }
    }
    terms[lid] = sum;
    workgroupBarrier();
    if (j < S && lid % LANES == 0u) {
      for (var k = 1u; k < LANES; k++) { sum += terms[lid + k]; }
      if (BACKWARD) { sum *= slope_between(inner[few + j]); } else { sum += inner[j]; }
      narrow[few + j] = sum;
    }
    workgroupBarrier();
  }
  storageBarrier();
  for (var c = lid; c < C; c += 256u) {
    var sum = 0.0;
    for (var j = 0u; j < S; j++) {
      var v = narrow[few + j];
      if (!BACKWARD) { v = between(v); }
      sum += v * w_out[select(j * C + c, c * S + j, BACKWARD)];
    }
    if (BACKWARD) { sum /= f32(params.rows); } else { sum = gate_of(sum + outer[c]); }
    result[all + c] = sum;
  }
}
