// A tile of a product in workgroup memory: G × G invocations make TILE × TILE of the result from slices of STEP of the
// sum, each of them R × R blocks of 4×4: the larger the blocks the fewer reads of workgroup memory a product takes, and
// the more registers. The kernel fills `left` and `right`, four rows or columns at once: writing one component of a
// vec4 may write all of it (WGSL, "component reference from vector memory view"; Metal and Direct3D do), so invocations
// must not share one.
const THREADS = G * G;
const QUADS = R * G; // a line's vec4s
const TILE = 4 * QUADS;
const LOADS = QUADS * STEP / THREADS; // of vec4s, in a slice, by an invocation, for each side
const PITCH = QUADS + 1; // one vec4 more, so that neighbours in k lie in different banks
const BLOCKS = 4 * R * R;
const LINES = G; // of invocations that share columns
const BESIDE = R; // blocks of columns of an invocation, each NEXT vec4s after the last
const NEXT = G;
alias Sums = array<vec4<f32>, BLOCKS>; // rows 4·(lid / G + G·i) + r, columns 4·(lid % G + G·j) …: at 4·(R·i + j) + r
var<workgroup> left: array<array<vec4<f32>, PITCH>, STEP>;
var<workgroup> right: array<array<vec4<f32>, PITCH>, STEP>;

// Adds the product of `left` and `right`.
fn multiply(sums: ptr<function, Sums>, lid: u32) {
  for (var k = 0u; k < STEP; k++) {
    @unroll for (var j = 0u; j < R; j++) {
      let q = right[k][lid % G + j * G];
      @unroll for (var i = 0u; i < R; i++) {
        let p = left[k][lid / G + i * G];
        @unroll for (var r = 0u; r < 4u; r++) { (*sums)[(i * R + j) * 4 + r] += p[r] * q; }
      }
    }
  }
}

// Hands the results to the kernel's store(), which writes what lies inside: four neighbours of a row at a time, of one
// of the invocation's blocks of columns.
fn store_all(sums: ptr<function, Sums>, wid: vec3<u32>, lid: u32) {
  @unroll for (var i = 0u; i < R; i++) {
    @unroll for (var j = 0u; j < R; j++) {
      for (var r = 0u; r < 4u; r++) {
        let row = wid.y * TILE + 4u * (lid / G + i * G) + r;
        store(wid, row, wid.x * TILE + 4u * (lid % G + j * G), j, (*sums)[(i * R + j) * 4 + r]);
      }
    }
  }
}

// What a line of invocations has found of the tile's columns, kept where `left` was.
fn put_line(line: u32, quad: u32, v: vec4<f32>) {
  left[line][quad] = v;
}

fn line_at(line: u32, column: u32) -> f32 {
  return left[line][column / 4u][column % 4u];
}

// Of the first `inside` rows of the tile, those of a line.
fn rows_of(line: u32, inside: u32) -> u32 {
  var rows = 0u;
  for (var i = 0u; i < R; i++) {
    let first = 4u * (line + i * G);
    rows += min(4u, max(inside, first) - first);
  }
  return rows;
}
