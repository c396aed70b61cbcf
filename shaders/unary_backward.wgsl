// dx = op'(x) · dy, elementwise. x, y, dy, dx: [n]; y = op(x). One invocation an element, ceil(n / 64) workgroups.
// OP as in unary_forward.wgsl.
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
override OP: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let g = dy[i];
  let r = y[i];
  switch (OP) {
    case 0u: { dx[i] = select(0.0, g, r > 0.0); }
    case 1u: { dx[i] = g * r; }
    case 2u: { dx[i] = g / x[i]; }
    case 3u: { dx[i] = 0.5 * g / r; }
    case 4u: { dx[i] = -g; }
    case 5u: { dx[i] = g * r * (1.0 - r); }
    case 6u: { dx[i] = g * (1.0 - r * r); }
    default: { dx[i] = g * sign(x[i]); }
  }
}
