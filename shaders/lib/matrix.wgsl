// A tile of a product by the matrix units that some GPUs have: subgroup matrices of S×S of E, summed in f32. The
// subgroups of LANES of a workgroup make 64×64 of the result from slices of STEP of the sum, each of them a square of
// it as SIDE×SIDE matrices. The kernel fills `left` and `right`, both with the sum's axis along lines; an invocation
// loads blocks of 4×4, by vec4. T is what is stored in buffers; where PIN is 1 the pipeline asks for its
// subgroups' size. Sums come back through `given`, a matrix of each subgroup at a time, so that edges and
// what follows are as in any other kernel.
// @variant S E T LANES ACROSS STEP PIN = 16 f16 f16 32 2 32 0, 16 f16 f16 32 2 32 1, 8 f16 f16 8 4 32 0
// @variant S E T LANES ACROSS STEP PIN = 8 f32 f32 32 2 16 0, 8 f32 f16 32 2 16 0
// @require subgroups
// @require chromium-experimental-subgroup-matrix
const TILE = 64u;
const THREADS = 128u;
const PART = TILE / ACROSS; // rows and columns of a subgroup
const SIDE = PART / S;
const MATRICES = SIDE * SIDE;
const PITCH = STEP + 8u; // padded against bank conflicts; matrices must begin at multiples of 16 bytes
const SIZE = TILE * PITCH;
const SHARING = min(4u * LANES / S, S); // lines of a subgroup's invocations, which share columns
const LINES = TILE / PART * SHARING;
const BESIDE = SIDE; // vec4s of columns of an invocation, each NEXT after the last
const NEXT = S / 4u;
const GIVEN = max(ACROSS * ACROSS * S * S, LINES * TILE);
const QUADS = STEP / 4u; // of a line
const LOADERS = TILE * STEP / 16u; // invocations that load a block of each side
alias Sums = array<subgroup_matrix_result<f32, S, S>, MATRICES>;
alias Block = array<vec4<E>, 4>; // four neighbours of the sum's axis, of four rows or columns
var<workgroup> left: array<E, SIZE>; // [64 rows, STEP]
var<workgroup> right: array<E, SIZE>; // [64 columns, STEP]
var<workgroup> given: array<f32, GIVEN>; // a matrix [S, S] for each subgroup; or [LINES, TILE]

fn transposed(b: Block) -> Block {
  var t: Block;
  @unroll for (var r = 0u; r < 4u; r++) {
    @unroll for (var c = 0u; c < 4u; c++) { t[r][c] = b[c][r]; }
  }
  return t;
}

fn put_left(line: u32, k: u32, b: Block) {
  @unroll for (var r = 0u; r < 4u; r++) {
    @unroll for (var c = 0u; c < 4u; c++) { left[(line + r) * PITCH + k + c] = b[r][c]; }
  }
}

fn put_right(line: u32, k: u32, b: Block) {
  @unroll for (var r = 0u; r < 4u; r++) {
    @unroll for (var c = 0u; c < 4u; c++) { right[(line + r) * PITCH + k + c] = b[r][c]; }
  }
}

// Adds the product of `left` and `right` to the sums of this subgroup.
fn multiply(sums: ptr<function, Sums>, subgroup: u32) {
  let row = subgroup / ACROSS * PART;
  let column = subgroup % ACROSS * PART;
  for (var k = 0u; k < STEP; k += S) {
    var a: array<subgroup_matrix_left<E, S, S>, SIDE>;
    @unroll for (var i = 0u; i < SIDE; i++) {
      let at = (row + i * S) * PITCH + k;
      a[i] = subgroupMatrixLoad<subgroup_matrix_left<E, S, S>, row_major>(&left, at, PITCH);
    }
    @unroll for (var j = 0u; j < SIDE; j++) {
      let at = (column + j * S) * PITCH + k;
      let b = subgroupMatrixLoad<subgroup_matrix_right<E, S, S>, col_major>(&right, at, PITCH);
      @unroll for (var i = 0u; i < SIDE; i++) {
        (*sums)[i * SIDE + j] = subgroupMatrixMultiplyAccumulate(a[i], b, (*sums)[i * SIDE + j]);
      }
    }
  }
}

// Hands the results to the kernel's store(), which writes what lies inside: four neighbours of a row at a time, of one
// of the subgroup's SIDE matrices across.
fn store_all(sums: ptr<function, Sums>, wid: vec3<u32>, subgroup: u32, lane: u32) {
  @unroll for (var i = 0u; i < MATRICES; i++) {
    subgroupMatrixStore<row_major>(&given, subgroup * S * S, (*sums)[i], S);
    workgroupBarrier();
    for (var first = 4u * lane; first < S * S; first += 4u * LANES) {
      let row = wid.y * TILE + subgroup / ACROSS * PART + i / SIDE * S + first / S;
      let column = wid.x * TILE + subgroup % ACROSS * PART + i % SIDE * S + first % S;
      let at = subgroup * S * S + first;
      store(wid, row, column, i % SIDE, vec4<f32>(given[at], given[at + 1u], given[at + 2u], given[at + 3u]));
    }
    workgroupBarrier();
  }
}

// The line of an invocation among those that share its columns, LINES where it stores nothing; its first vec4 of
// columns.
fn line_of(subgroup: u32, lane: u32) -> u32 {
  return select(LINES, subgroup / ACROSS * SHARING + lane / NEXT, lane < S * S / 4u);
}

fn quad_of(subgroup: u32, lane: u32) -> u32 {
  return subgroup % ACROSS * PART / 4u + lane % NEXT;
}

// What a line of invocations has found of the tile's columns.
fn put_line(line: u32, quad: u32, v: vec4<f32>) {
  @unroll for (var c = 0u; c < 4u; c++) { given[line * TILE + 4u * quad + c] = v[c]; }
}

fn line_at(line: u32, column: u32) -> f32 {
  return given[line * TILE + column];
}

// Of the first `inside` rows of the tile, those of a line.
fn rows_of(line: u32, inside: u32) -> u32 {
  let first = line / SHARING * PART;
  return (min(PART, max(inside, first) - first) + SHARING - 1u - line % SHARING) / SHARING;
}
