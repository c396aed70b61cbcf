// Mean and spread of each column of a tile, as it is stored, for the batchNorm after a convolution. If `moments` is
// bound, tile y of the dispatch is a chunk of rows, whose parts [2, channels] lie as batchnorm_stats.wgsl leaves
// them, but means are told from 0. Each invocation takes the rows that it stores (Welford 1962); LINES of them share a
// column and are merged in a fixed order (Chan, Golub & LeVeque 1983). Squares may leave f32: batchnorm_merge.wgsl sees
// that. lib/tile.wgsl or lib/matrix.wgsl must be included too.
// @include lib/stored.wgsl
override has_moments: bool = false;
struct Running { count: f32, mean: vec4<f32>, squares: vec4<f32> }
var<private> found: array<Running, BESIDE>;

fn joined(all: Running, sums: vec4<f32>) -> Running {
  let v = stored(sums);
  let count = all.count + 1.0;
  let delta = v - all.mean;
  let mean = all.mean + delta / count;
  return Running(count, mean, all.squares + delta * (v - mean));
}

// Of an invocation with a line from vec4 `quad` on; past the last line it has none.
fn store_moments(wid: vec3<u32>, lid: u32, line: u32, quad: u32, rows: u32) {
  let inside = min(TILE, rows - wid.y * TILE);
  if (line < LINES) {
    @unroll for (var j = 0u; j < BESIDE; j++) { put_line(line, quad + j * NEXT, found[j].mean); }
  }
  workgroupBarrier();
  var count = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  if (lid < TILE) {
    for (var l = 0u; l < LINES; l++) {
      let n = f32(rows_of(l, inside));
      count += n;
      let delta = line_at(l, lid) - mean;
      let share = delta * (n / count);
      squares += delta * share * (count - n);
      mean += share;
    }
  }
  workgroupBarrier();
  if (line < LINES) {
    @unroll for (var j = 0u; j < BESIDE; j++) { put_line(line, quad + j * NEXT, found[j].squares); }
  }
  workgroupBarrier();
  let column = wid.x * TILE + lid;
  if (lid >= TILE || column >= params.OG) { return; }
  for (var l = 0u; l < LINES; l++) { squares += line_at(l, lid); }
  let channels = params.G * params.OG;
  let at = wid.y * 2u * channels + wid.z * params.OG + column;
  moments[at] = mean;
  moments[at + channels] = sqrt(squares);
}
