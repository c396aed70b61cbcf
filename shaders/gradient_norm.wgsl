// norm [1] = √Σ parts; parts [n]. One workgroup of 64, each invocation every 64th part, then their sums in order.
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lid: u32) {
  var sum = 0.0;
  for (var i = lid; i < params.n; i += 64u) { sum += parts[i]; }
  sums[lid] = sum;
  workgroupBarrier();
  if (lid != 0u) { return; }
  sum = 0.0;
  for (var i = 0u; i < 64u; i++) { sum += sums[i]; }
  norm[0] = sqrt(sum);
}
