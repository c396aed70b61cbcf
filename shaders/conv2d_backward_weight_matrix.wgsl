// The gradient of conv2d_backward_weight_tile.wgsl by matrix units, where channels of a group come in fours: taps and
// channels are the rows of the left matrix, pixels its columns; k_per_split in slices. Dispatched over [ceil(OG / 64),
// ceil(KH·KW·CG / 64), G·splits].
// @tile TILE, TILE
// @include lib/conv.wgsl
// @include lib/walk.wgsl
// @include lib/matrix.wgsl
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;
override whole: bool = false; // whether pixels are a multiple of STEP: then no slice reaches past an end

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let width = i32(params.G * params.CG / 4u);
  let CO = params.G * params.OG;
  let rows = params.KH * params.KW * params.CG;
  let group = wid.z / params.splits;
  let split = wid.z % params.splits;
  let pixels = params.N * u32(params.OH * params.OW);
  let end = min((split + 1u) * params.k_per_split, pixels);
  // This invocation loads four channels at a tap and four output channels, of four pixels.
  let line = lid % 16u * 4u;
  let slot = lid / 16u * 4u;
  // Past the edges they are those at the edge once more: what they make is not stored.
  let row = min(wid.y * TILE + line, rows - 4u);
  let tap = row / params.CG;
  let down = i32(tap / params.KW) * params.DH - params.PH;
  let along = i32(tap % params.KW) * params.DW - params.PW;
  let ahead = (down * params.W + along) * width + i32((group * params.CG + row % params.CG) / 4u);
  let o = min(wid.x * TILE + line, params.OG - 4u);
  var window = window_of(i32(split * params.k_per_split + slot), width);
  var sums: Sums;
  var p0 = split * params.k_per_split;
  loop { // at least once, so that compilers may move out what is always the same
    if (lid < LOADERS) {
      let p = p0 + slot + vec4<u32>(0u, 1u, 2u, 3u);
      let inside = vec4<bool>(whole) | (p < vec4<u32>(end));
      var four: array<Window, 4>;
      four[0] = window;
      @unroll for (var r = 1u; r < 4u; r++) { four[r] = beside(four[r - 1u], width); }
      let y = vec4<i32>(four[0].y, four[1].y, four[2].y, four[3].y) + down;
      let x0 = vec4<i32>(four[0].x, four[1].x, four[2].x, four[3].x) + along;
      let ok = within(y, x0, params.H, params.W) & inside;
      var b: Block;
      @unroll for (var r = 0u; r < 4u; r++) {
        b[r] = select(vec4<E>(), vec4<E>(x[select(0u, u32(four[r].place + ahead), ok[r])]), ok[r]);
      }
      put_left(line, slot, transposed(b));
      let to = select(vec4<u32>(0u), (p * CO + group * params.OG + o) / 4u, inside);
      @unroll for (var r = 0u; r < 4u; r++) { b[r] = select(vec4<E>(), vec4<E>(dy[to[r]]), inside[r]); }
      put_right(line, slot, transposed(b));
      window = onward(window, i32(STEP), width);
    }
    workgroupBarrier();
    multiply(&sums, subgroup);
    workgroupBarrier();
    continuing {
      p0 += STEP;
      break if p0 >= end;
    }
  }
  store_all(&sums, wid, subgroup, lane);
}

// The window of the next of four pixels, which begin at a multiple of four.
fn beside(here: Window, width: i32) -> Window {
  if (params.OW % 4 == 0) { return Window(here.y, here.x + params.SW, here.place + params.SW * width); }
  return onward(here, 1, width);
}

fn store(wid: vec3<u32>, row: u32, column: u32, _block: u32, sums: vec4<f32>) {
  let rows = params.KH * params.KW * params.CG;
  let CO = params.G * params.OG;
  let o = wid.z / params.splits * params.OG + column;
  if (row < rows && column < params.OG) { dw[((wid.z % params.splits * rows + row) * CO + o) / 4u] = sums; }
}
