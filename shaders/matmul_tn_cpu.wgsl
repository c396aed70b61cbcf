// y[b] = a[b]ᵀ · w[b]: a [K, M], w [K, N], y [M, N]; for one subgroup a workgroup (software adapters). M and N
// multiples of 4. An outer product a step: lanes hold 4·SG values of a row of `a` and of `w`, and every lane adds to
// 4·SG rows of its 4 columns. K is cut into `splits` parts of k_per_split rows, each to its own plane of y [batches,
// splits, M, N], summed afterwards in a fixed order. Dispatched over [ceil(N / 4·SG), ceil(M / 4·SG), batches ·
// splits].
// @tile 4 * SG, 4 * SG
// @variant T = f32, f16
// @variant SG = 4, 8
// @require subgroups
struct Params { M4: u32, N4: u32, K: u32, splits: u32, k_per_split: u32, a_stride: u32, w_stride: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;
const UK = 2u;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let column = wid.x * SG + lane;
  let col = min(column, params.N4 - 1u);
  let row = min(wid.y * SG + lane, params.M4 - 1u);
  let end = min((split + 1u) * params.k_per_split, params.K);
  var acc: array<vec4<f32>, 4 * SG>;
  for (var k = split * params.k_per_split; k < end; k += UK) {
    var p: array<vec4<f32>, UK>;
    var q: array<vec4<f32>, UK>;
    @unroll for (var u = 0u; u < UK; u++) {
      let at = min(k + u, end - 1u);
      p[u] = vec4<f32>(a[batch * params.a_stride + at * params.M4 + row]);
      q[u] = select(vec4<f32>(0.0), vec4<f32>(w[batch * params.w_stride + at * params.N4 + col]), k + u < end);
    }
    @unroll for (var l = 0u; l < SG; l++) {
      @unroll for (var u = 0u; u < UK; u++) {
        let v = subgroupBroadcast(p[u], l);
        acc[4u * l] += v.x * q[u];
        acc[4u * l + 1u] += v.y * q[u];
        acc[4u * l + 2u] += v.z * q[u];
        acc[4u * l + 3u] += v.w * q[u];
      }
    }
  }
  if (column >= params.N4) { return; }
  let first = wid.y * SG * 4u;
  let plane = wid.z * params.M4 * 4u;
  // Row by row, each picked out of the registers: one store in the code compiles several times faster.
  for (var i = 0u; i < min(4 * SG, params.M4 * 4u - first); i++) {
    var v = acc[0];
    @unroll for (var j = 1u; j < 4 * SG; j++) { v = select(v, acc[j], i == j); }
    y[(plane + first + i) * params.N4 + col] = v;
  }
}
