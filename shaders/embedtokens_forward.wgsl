// y[b, t] = (t = 0 and there is a class token ? token : patches[b, t - 1 or t]) + position[t].
// patches: [B, T - 1 or T, width], token: [width] if there is one, position: [T, width], y: [B, T,
// width], all as vec4. One invocation a vec4 of y, width counts vec4.
// @each 4
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32, tokens: u32, width: u32, has_token: u32 }
@group(0) @binding(0) var<storage, read> patches: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> token: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> position: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let column = i % params.width;
  let row = i / params.width;
  let t = row % params.tokens;
  let b = row / params.tokens;
  let place = position[t * params.width + column];
  if (t < params.has_token) {
    y[i] = vec4<T>(token[column] + place);
  } else {
    let patch_row = b * (params.tokens - params.has_token) + t - params.has_token;
    y[i] = vec4<T>(vec4<f32>(patches[patch_row * params.width + column]) + place);
  }
}
