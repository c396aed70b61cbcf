// Gradient of a convolution of any kind for its weight: x [N, H, W, G·CG], dy [N, OH, OW, G·OG] → dw [splits, KH·KW·CG,
// G·OG], as an implicit matrix product in workgroup memory over the pixels, which are cut into splits and summed
// afterwards in a fixed order. Tiles of lib/tile.wgsl: taps and channels are the rows of the left matrix, pixels its
// columns. Dispatched over [ceil(OG / TILE), ceil(KH·KW·CG / TILE), G·splits].
// @tile TILE, TILE
// @variant T = f32, f16
// @variant G R STEP = 8 1 16, 16 1 16, 8 2 16
// @include lib/conv.wgsl
// @include lib/walk.wgsl
// @include lib/tile.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let width = i32(params.G * params.CG);
  let CO = params.G * params.OG;
  let rows = params.KH * params.KW * params.CG;
  let group = wid.z / params.splits;
  let split = wid.z % params.splits;
  let pixels = params.N * u32(params.OH * params.OW);
  let end = min((split + 1u) * params.k_per_split, pixels);
  // This invocation loads four rows, taps and channels, and four output channels.
  let quad = lid % QUADS;
  let row = min(wid.y * TILE + 4u * quad + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(rows - 1u));
  let tap = row / params.CG;
  let down = vec4<i32>(tap / params.KW) * params.DH - params.PH;
  let along = vec4<i32>(tap % params.KW) * params.DW - params.PW;
  let ahead = (down * params.W + along) * width + vec4<i32>(group * params.CG + row % params.CG);
  let o = group * params.OG + min(wid.x * TILE + 4u * quad + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.OG - 1u));
  var window = window_of(i32(split * params.k_per_split + lid / QUADS), width);
  var sums: Sums;
  var p0 = split * params.k_per_split;
  loop { // at least once, so that compilers may move out what is always the same
    @unroll for (var i = 0u; i < LOADS; i++) {
      let slot = lid / QUADS + THREADS / QUADS * i;
      let ok = within(window.y + down, window.x + along, params.H, params.W) & vec4<bool>(p0 + slot < end);
      let at = select(vec4<u32>(0u), vec4<u32>(window.place + ahead), ok);
      left[slot][quad] =
        select(vec4<f32>(0.0), vec4<f32>(f32(x[at.x]), f32(x[at.y]), f32(x[at.z]), f32(x[at.w])), ok);
      let to = min(p0 + slot, end - 1u) * CO + o;
      let v = vec4<f32>(f32(dy[to.x]), f32(dy[to.y]), f32(dy[to.z]), f32(dy[to.w]));
      right[slot][quad] = select(vec4<f32>(0.0), v, p0 + slot < end);
      window = onward(window, i32(THREADS / QUADS), width);
    }
    workgroupBarrier();
    multiply(&sums, lid);
    workgroupBarrier();
    continuing {
      p0 += STEP;
      break if p0 >= end;
    }
  }
  store_all(&sums, wid, lid);
}

fn store(wid: vec3<u32>, row: u32, column: u32, _block: u32, sums: vec4<f32>) {
  let rows = params.KH * params.KW * params.CG;
  let CO = params.G * params.OG;
  let o = wid.z / params.splits * params.OG + column;
  for (var c = 0u; c < 4u; c++) {
    if (row < rows && column + c < params.OG) { dw[(wid.z % params.splits * rows + row) * CO + o + c] = sums[c]; }
  }
}
