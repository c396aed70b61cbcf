// A tile of a product by the matrix units that some GPUs have: subgroup matrices of S×S, of f16 by 16 or of f32 by 8,
// summed in f32. The four subgroups of 32 of a workgroup make 64×64 of the result from slices of 2·S of the sum, each
// of them a quarter as SIDE×SIDE matrices. The kernel fills `left` and `right`; sums come back through `given`, a
// matrix of each subgroup at a time, so that edges and what follows are as in any other kernel.
const TILE = 64u;
const STEP = 2u * S;
const THREADS = 128u;
const SIDE = 32u / S;
const MATRICES = SIDE * SIDE;
const SHARE = S * S / 32u; // numbers of a matrix for a lane
const LEFT_PITCH = STEP + 8u; // padded against bank conflicts; matrices must begin at multiples of 16 bytes
const RIGHT_PITCH = TILE + 8u;
const LEFT_SIZE = TILE * LEFT_PITCH;
const RIGHT_SIZE = STEP * RIGHT_PITCH;
const GIVEN_SIZE = 4u * S * S;
alias Sums = array<subgroup_matrix_result<f32, S, S>, MATRICES>;
var<workgroup> left: array<T, LEFT_SIZE>; // [64 rows, 2·S]
var<workgroup> right: array<T, RIGHT_SIZE>; // [2·S, 64 columns]
var<workgroup> given: array<f32, GIVEN_SIZE>; // a matrix [S, S] for each subgroup

// Adds the product of `left` and `right` to the sums of this subgroup's quarter.
fn multiply(sums: ptr<function, Sums>, subgroup: u32) {
  let row = subgroup / 2u * 32u;
  let column = subgroup % 2u * 32u;
  for (var k = 0u; k < STEP; k += S) {
    var a: array<subgroup_matrix_left<T, S, S>, SIDE>;
    @unroll for (var i = 0u; i < SIDE; i++) {
      let at = (row + i * S) * LEFT_PITCH + k;
      a[i] = subgroupMatrixLoad<subgroup_matrix_left<T, S, S>, row_major>(&left, at, LEFT_PITCH);
    }
    @unroll for (var j = 0u; j < SIDE; j++) {
      let at = k * RIGHT_PITCH + column + j * S;
      let b = subgroupMatrixLoad<subgroup_matrix_right<T, S, S>, row_major>(&right, at, RIGHT_PITCH);
      @unroll for (var i = 0u; i < SIDE; i++) {
        (*sums)[i * SIDE + j] = subgroupMatrixMultiplyAccumulate(a[i], b, (*sums)[i * SIDE + j]);
      }
    }
  }
}

// Hands the results to the kernel's store(), which writes what lies inside. A matrix goes through `given`: of it a lane
// takes SHARE neighbours of a row.
fn store_all(sums: ptr<function, Sums>, wid: vec3<u32>, subgroup: u32, lane: u32) {
  let first = lane * SHARE;
  @unroll for (var i = 0u; i < MATRICES; i++) {
    subgroupMatrixStore<row_major>(&given, subgroup * S * S, (*sums)[i], S);
    workgroupBarrier();
    let row = wid.y * TILE + subgroup / 2u * 32u + i / SIDE * S + first / S;
    let column = wid.x * TILE + subgroup % 2u * 32u + i % SIDE * S + first % S;
    for (var c = 0u; c < SHARE; c++) { store(wid, row, column + c, given[subgroup * S * S + first + c]); }
    workgroupBarrier();
  }
}
