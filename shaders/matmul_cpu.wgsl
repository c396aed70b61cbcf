// y[b] = activation(a[b] · w[b] (+ bias)): a [M, K], w [K, N], or [N, K] if `transposed`, y [M, N], bias [N]; for one
// subgroup a workgroup (software adapters). Needs K and N to be multiples of 4; a_stride, w_stride, y_stride: vec4s
// between batches (0 broadcasts). A lane owns 4 columns of TM rows. Along K it loads one vec4 of `a` for TM/SG rows and
// four vec4 of `w`, and the values of `a` travel by subgroupBroadcast: one varying load, then free copies. If
// `transposed` a lane loads along K of its 4 columns, and transposes that 4×4 block in its registers. Dispatched over
// [ceil(N / 4·SG), ceil(M / TM), batches]. `pre` [M, N], if wanted, takes what goes into the activation; `gate` as in
// lib/gate.wgsl.
// @tile 4 * SG, TM
// @variant T = f32, f16
// @include lib/gate.wgsl
// @variant SG = 4, 8
// @variant TM = 8, 32
// @require subgroups
struct Params {
  M: u32, N4: u32, K4: u32, a_stride: u32, w_stride: u32, y_stride: u32, transposed: u32, has_bias: u32, has_pre: u32,
}
@group(0) @binding(0) var<storage, read> a: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4<T>>;
@group(0) @binding(5) var<storage, read> gate: array<vec4<T>>;
@group(0) @binding(6) var<uniform> params: Params;
// One kernel for transposed weights and others has half as much to compile (lavapipe takes long over it); one for each
// runs faster on SwiftShader.
override TRANSPOSED: i32 = -1; // 0 or 1 where it is known to the compiler
const RT = (TM + SG - 1u) / SG;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let transposed = select(TRANSPOSED == 1, params.transposed != 0u, TRANSPOSED < 0);
  let row = wid.y * TM;
  let column = wid.x * SG + lane;
  let inside = column < params.N4;
  let col = min(column, params.N4 - 1u);
  var base: array<u32, RT>;
  @unroll for (var t = 0u; t < RT; t++) {
    base[t] = wid.z * params.a_stride + min(row + t * SG + lane, params.M - 1u) * params.K4;
  }
  var at = wid.z * params.w_stride + select(col, col * 4u * params.K4, transposed);
  let next = select(params.N4, params.K4, transposed);
  let step = select(4u * params.N4, 1u, transposed);
  var acc: array<vec4<f32>, TM>;
  for (var k = 0u; k < params.K4; k++) {
    var r: array<vec4<f32>, RT>;
    @unroll for (var t = 0u; t < RT; t++) { r[t] = vec4<f32>(a[base[t] + k]); }
    var w0 = vec4<f32>(w[at]);
    var w1 = vec4<f32>(w[at + next]);
    var w2 = vec4<f32>(w[at + 2u * next]);
    var w3 = vec4<f32>(w[at + 3u * next]);
    if (transposed) {
      let t = transpose(mat4x4<f32>(w0, w1, w2, w3));
      w0 = t[0];
      w1 = t[1];
      w2 = t[2];
      w3 = t[3];
    }
    at += step;
    @unroll for (var i = 0u; i < TM; i++) {
      let v = subgroupBroadcast(r[i / SG], i % SG);
      acc[i] += v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;
    }
  }
  if (!inside) { return; }
  var shift = vec4<f32>(0.0);
  if (params.has_bias != 0u) { shift = bias[col]; }
  // Row by row, each picked out of the registers: one store in the code instead of TM compiles several times faster.
  for (var i = 0u; i < min(TM, params.M - row); i++) {
    var v = acc[0];
    @unroll for (var j = 1u; j < TM; j++) { v = select(v, acc[j], i == j); }
    v += shift;
    let to = wid.z * params.y_stride + (row + i) * params.N4 + col;
    if (params.has_pre != 0u) { pre[to] = vec4<T>(v); }
    if (has_gate) { v = activation_gradient(vec4<f32>(gate[to]), v); } else { v = activation(v); }
    y[to] = vec4<T>(v);
  }
}
