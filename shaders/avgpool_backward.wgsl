// dx [N, H, W, C] of adaptive average pooling: Σ dy / (size of the bin) over the bins that cover the pixel (they may
// overlap by one). Lanes along channels; dispatched over [ceil(C / 64), pixels], the N·H·W pixels folded into y and z.
// @variant T = f32, f16
struct Params { H: u32, W: u32, C: u32, OH: u32, OW: u32, pixels: u32 }
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let pixel = wid.z * nwg.y + wid.y;
  if (c >= params.C || pixel >= params.pixels) { return; }
  let ix = pixel % params.W;
  let iy = (pixel / params.W) % params.H;
  let n = pixel / (params.W * params.H);
  // Bin o covers iy when floor(o·H/OH) <= iy < ceil((o+1)·H/OH).
  let oy0 = iy * params.OH / params.H;
  let oy1 = min(((iy + 1u) * params.OH + params.H - 1u) / params.H, params.OH);
  let ox0 = ix * params.OW / params.W;
  let ox1 = min(((ix + 1u) * params.OW + params.W - 1u) / params.W, params.OW);
  var sum = 0.0;
  for (var oy = oy0; oy < oy1; oy++) {
    let height = ((oy + 1u) * params.H + params.OH - 1u) / params.OH - oy * params.H / params.OH;
    for (var ox = ox0; ox < ox1; ox++) {
      let width = ((ox + 1u) * params.W + params.OW - 1u) / params.OW - ox * params.W / params.OW;
      sum += f32(dy[((n * params.OH + oy) * params.OW + ox) * params.C + c]) / f32(height * width);
    }
  }
  dx[pixel * params.C + c] = T(sum);
}
