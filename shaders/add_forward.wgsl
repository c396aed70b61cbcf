// y = a + b for equal shapes; also sums gradients on the tape. a, b, y: [n].
// One invocation a vec4; dispatched over ceil(n / 256) workgroups of 64. Buffers are multiples of 16 bytes, so the tail is safe.
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u < params.n) { y[i] = a[i] + b[i]; }
}
