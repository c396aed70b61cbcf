// y[b] = x[b]ᵀ: x [rows, columns], y [columns, rows]. Dispatched over [ceil(rows / 64), columns, batches]: writes are contiguous.
struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let r = wid.x * 64u + lid;
  if (r >= params.rows) { return; }
  let base = wid.z * params.rows * params.columns;
  y[base + wid.y * params.rows + r] = x[base + r * params.columns + wid.y];
}
