// The way back through the batchNorm that made a convolution's input, as part of dx. If `parts` is bound dx is stored
// as g, 0 where norm_y <= 0 if that is bound (a relu followed the norm), and each tile leaves [2, channels] there as
// batchnorm_backward_sums.wgsl does: Σ g and Σ g·x̂, of the norm's input norm_x and its stats [3, channels].
// lib/tile.wgsl or lib/matrix.wgsl must be included too.
// @include lib/stored.wgsl
override has_parts: bool = false;
override has_norm_y: bool = false;
struct Found { sum: vec4<f32>, product: vec4<f32> } // of four columns
var<private> found: array<Found, BESIDE>;

fn gather(block: u32, v: vec4<f32>, distance: vec4<f32>) {
  let g = stored(v);
  found[block].sum += g;
  found[block].product += g * distance;
}

// Of an invocation with a line from vec4 `quad` on; past the last line it has none. The tile's columns are channels
// from `first` on, `columns` of them inside.
fn store_sums(lid: u32, line: u32, quad: u32, part: u32, first: u32, columns: u32) {
  if (line < LINES) {
    @unroll for (var j = 0u; j < BESIDE; j++) { put_line(line, quad + j * NEXT, found[j].sum); }
  }
  workgroupBarrier();
  var sum = 0.0;
  if (lid < TILE) {
    for (var l = 0u; l < LINES; l++) { sum += line_at(l, lid); }
  }
  workgroupBarrier();
  if (line < LINES) {
    @unroll for (var j = 0u; j < BESIDE; j++) { put_line(line, quad + j * NEXT, found[j].product); }
  }
  workgroupBarrier();
  if (lid >= TILE || lid >= columns) { return; }
  var product = 0.0;
  for (var l = 0u; l < LINES; l++) { product += line_at(l, lid); }
  let channels = params.G * params.CG;
  let at = part * 2u * channels + first + lid;
  parts[at] = sum;
  parts[at + channels] = product * stats[2u * channels + first + lid];
}
