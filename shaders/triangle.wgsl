// The lower triangle of every matrix, or the upper one if UPPER, with zeros elsewhere: the lower one holds what lies up
// to `diagonal` columns right of the main diagonal, the upper one what lies from there on. x, y: [n] as [.., rows,
// columns]. One invocation an element.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32, rows: u32, columns: u32, diagonal: i32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<uniform> params: Params;
override UPPER: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let right = i32(i % params.columns) - i32((i / params.columns) % params.rows); // of the main diagonal
  y[i] = select(T(0.0), x[i], select(right <= params.diagonal, right >= params.diagonal, UPPER));
}
