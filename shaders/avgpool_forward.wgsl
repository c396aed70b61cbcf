// Adaptive average pooling: x [N, H, W, C] → y [N, OH, OW, C], bin o covers floor(o·H/OH) … ceil((o+1)·H/OH)-1 as in
// PyTorch. Lanes along channels; dispatched over [ceil(C / 64), pixels], the N·OH·OW output pixels folded into y and z.
// @variant T = f32, f16
struct Params { H: u32, W: u32, C: u32, OH: u32, OW: u32, pixels: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let pixel = wid.z * nwg.y + wid.y;
  if (c >= params.C || pixel >= params.pixels) { return; }
  let ox = pixel % params.OW;
  let oy = (pixel / params.OW) % params.OH;
  let n = pixel / (params.OW * params.OH);
  let y0 = oy * params.H / params.OH;
  let y1 = ((oy + 1u) * params.H + params.OH - 1u) / params.OH;
  let x0 = ox * params.W / params.OW;
  let x1 = ((ox + 1u) * params.W + params.OW - 1u) / params.OW;
  var sum = 0.0;
  for (var iy = y0; iy < y1; iy++) {
    var line = 0.0; // line by line: long sums lose less
    for (var ix = x0; ix < x1; ix++) { line += f32(x[((n * params.H + iy) * params.W + ix) * params.C + c]); }
    sum += line;
  }
  y[pixel * params.C + c] = T(sum / f32((y1 - y0) * (x1 - x0)));
}
