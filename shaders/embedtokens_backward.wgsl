// Gradients of embedtokens_forward: dpatches is dy without the class token's rows, dposition the sum of dy over the
// batch in its order, dtoken the first row of that sum. Shapes as there; `prefix` is 1 with a class token, else 0.
// One invocation a vec4 of dposition, width counts vec4.
// @each 4
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params {
  batch: u32, tokens: u32, width: u32, prefix: u32, has_dpatches: u32, has_dtoken: u32, has_dposition: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> dpatches: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dtoken: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dposition: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  let size = params.tokens * params.width;
  if (i >= size) { return; }
  let first = params.prefix * params.width;
  var sum = vec4<f32>();
  for (var b = 0u; b < params.batch; b++) {
    let d = dy[b * size + i];
    sum += vec4<f32>(d);
    if (params.has_dpatches == 1u && i >= first) { dpatches[b * (size - first) + i - first] = d; }
  }
  if (params.has_dposition == 1u) { dposition[i] = sum; }
  if (params.has_dtoken == 1u && i < first) { dtoken[i] = sum; }
}
