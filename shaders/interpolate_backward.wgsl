// Gradient of interpolate_forward.wgsl: dx [N, H, W, C] = Σ dy · (the share that the pixel had in it), over the pixels
// of dy that may come from it, in a fixed order. Lanes along channels; dispatched over [ceil(C / 64), pixels], the
// N·H·W pixels of dx folded into y and z.
// @variant T = f32, f16
// @include lib/interpolate.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<uniform> params: Params;
struct Span { first: i32, end: i32 }

// The outputs that may have a share of place i: sources grow with o, so they lie between those of the places around it,
// and one more on either side for rounding. The first place also has all that lies before it, the last what is behind.
fn outputs_over(i: i32, axis: Axis) -> Span {
  var first = 0;
  var end = axis.outs;
  if (i > 0 && axis.by > 0) { first = max(((i - 1) * axis.over - axis.plus) / axis.by - 1, 0); }
  if (i < axis.size - 1 && axis.by > 0) { end = min(((i + 1) * axis.over - axis.plus) / axis.by + 2, axis.outs); }
  return Span(first, end);
}

fn share_of(i: i32, o: i32, axis: Axis) -> f32 {
  let source = source_of(o, axis);
  return select(0.0, 1.0 - source.share, source.first == i) + select(0.0, source.share, source.next == i);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let pixel = wid.z * nwg.y + wid.y;
  if (c >= params.C || pixel >= params.pixels) { return; }
  let W = u32(params.W);
  let H = u32(params.H);
  let first = pixel / (W * H) * u32(params.OH * params.OW);
  let y = i32(pixel / W % H);
  let x = i32(pixel % W);
  let rows = outputs_over(y, vertical());
  let columns = outputs_over(x, horizontal());
  var sum = 0.0;
  for (var oy = rows.first; oy < rows.end; oy++) {
    let height = share_of(y, oy, vertical());
    if (height == 0.0) { continue; }
    var line = 0.0;
    for (var ox = columns.first; ox < columns.end; ox++) {
      let width = share_of(x, ox, horizontal());
      if (width != 0.0) { line += width * f32(dy[(first + u32(oy * params.OW + ox)) * params.C + c]); }
    }
    sum += height * line;
  }
  dx[pixel * params.C + c] = T(sum);
}
