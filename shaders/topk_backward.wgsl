// dx[o, index[o, j, i], i] = dy[o, j, i]: dx [outer, size, inner], zero beforehand; dy, index [outer, k, inner], no
// index twice in a row. One invocation an element of dy.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32, size: u32, inner: u32, k: u32 }
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> dx: array<T>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.n) { return; }
  let row = at / (params.k * params.inner) * params.size + u32(index[at]);
  dx[row * params.inner + at % params.inner] = dy[at];
}
