// A tile of a product by the matrix units that some GPUs have: subgroup matrices of 16×16, f16 products summed in f32. The four subgroups of 32
// of a workgroup make 64×64 of the result from slices of 32 of the sum, each of them a quarter as 2×2 matrices. The kernel fills `left` and
// `right`; sums come back through `given`, a matrix of each subgroup at a time, so that edges and epilogues are as in any other kernel.
const TILE = 64u;
const STEP = 32u;
const THREADS = 128u;
const LEFT_PITCH = STEP + 8u; // padded against bank conflicts; matrices must begin at multiples of 16 bytes
const RIGHT_PITCH = TILE + 8u;
const LEFT_SIZE = TILE * LEFT_PITCH;
const RIGHT_SIZE = STEP * RIGHT_PITCH;
alias Sums = array<subgroup_matrix_result<f32, 16, 16>, 4>;
var<workgroup> left: array<T, LEFT_SIZE>; // [64 rows, 32]
var<workgroup> right: array<T, RIGHT_SIZE>; // [32, 64 columns]
var<workgroup> given: array<f32, 1024>; // a matrix [16, 16] for each subgroup

// Adds the product of `left` and `right` to the sums of this subgroup's quarter.
fn multiply(sums: ptr<function, Sums>, subgroup: u32) {
  let row = subgroup / 2u * 32u;
  let column = subgroup % 2u * 32u;
  @unroll for (var k = 0u; k < STEP; k += 16) {
    let a0 = subgroupMatrixLoad<subgroup_matrix_left<T, 16, 16>, row_major>(&left, row * LEFT_PITCH + k, LEFT_PITCH);
    let a1 = subgroupMatrixLoad<subgroup_matrix_left<T, 16, 16>, row_major>(&left, (row + 16u) * LEFT_PITCH + k, LEFT_PITCH);
    let b0 = subgroupMatrixLoad<subgroup_matrix_right<T, 16, 16>, row_major>(&right, k * RIGHT_PITCH + column, RIGHT_PITCH);
    let b1 = subgroupMatrixLoad<subgroup_matrix_right<T, 16, 16>, row_major>(&right, k * RIGHT_PITCH + column + 16u, RIGHT_PITCH);
    (*sums)[0] = subgroupMatrixMultiplyAccumulate(a0, b0, (*sums)[0]);
    (*sums)[1] = subgroupMatrixMultiplyAccumulate(a0, b1, (*sums)[1]);
    (*sums)[2] = subgroupMatrixMultiplyAccumulate(a1, b0, (*sums)[2]);
    (*sums)[3] = subgroupMatrixMultiplyAccumulate(a1, b1, (*sums)[3]);
  }
}

// Where in the tile the eight sums begin that a lane finds at given[subgroup * 256 + lane * 8] once matrix i is stored there: row and column.
fn place_of(i: u32, subgroup: u32, lane: u32) -> vec2<u32> {
  return vec2<u32>(subgroup / 2u * 32u + i / 2u * 16u + lane / 2u, subgroup % 2u * 32u + i % 2u * 16u + lane % 2u * 8u);
}
