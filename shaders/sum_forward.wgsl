// Partial sums over the middle axis: x [outer, size, inner] → y [outer, parts, inner], y[o, p, i] = scale · Σ_k x[o, p
// + k·parts, i]. Run twice for a long axis: to `parts` parts, then to one. Neighbouring invocations read neighbouring
// elements also when inner is 1. One invocation an element of y, in a fixed order; ceil(outer · parts · inner / 64)
// workgroups. And, if wanted, of `beside` [size, more] to `beside_y` [parts, more] likewise, by further invocations.
// @variant X = f32, f16
// @variant Y = f32, f16
// @include lib/index.wgsl
struct Params { outer: u32, size: u32, inner: u32, parts: u32, scale: f32, more: u32 }
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(0) @binding(2) var<storage, read> beside: array<f32>;
@group(0) @binding(3) var<storage, read_write> beside_y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
override has_beside: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  let own = params.outer * params.parts * params.inner;
  var sum = 0.0;
  if (at >= own) {
    if (!has_beside) { return; }
    let to = at - own;
    if (to >= params.parts * params.more) { return; }
    for (var k = to; k < params.size * params.more; k += params.parts * params.more) { sum += beside[k]; }
    beside_y[to] = sum;
    return;
  }
  let i = at % params.inner;
  let p = (at / params.inner) % params.parts;
  let o = at / (params.inner * params.parts);
  let base = o * params.size * params.inner + i;
  // Four terms at a time, in the order of one by one: a compiler that knows no number of turns waits for each load.
  let step = params.parts * params.inner;
  var k = p;
  for (; k + 3u * params.parts < params.size; k += 4u * params.parts) {
    let a = base + k * params.inner;
    let four = vec4<f32>(f32(x[a]), f32(x[a + step]), f32(x[a + 2u * step]), f32(x[a + 3u * step]));
    sum = sum + four.x + four.y + four.z + four.w;
  }
  for (; k < params.size; k += params.parts) { sum += f32(x[base + k * params.inner]); }
  y[at] = Y(sum * params.scale);
}
