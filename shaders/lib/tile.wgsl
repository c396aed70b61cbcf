// A tile of a product in workgroup memory: G × G invocations make 4·RM·G × 4·RN·G of the result from slices of 16 of
// the sum, each of them RM·RN blocks of 4×4: the larger the blocks the fewer reads of workgroup memory a product takes,
// and the more tiles it takes to fill a chip. The kernel fills `left` and `right`, four rows or columns at once:
// writing one component of a vec4 may write all of it (WGSL, "component reference from vector memory view"; Metal and
// Direct3D do), so invocations must not share one.
const STEP = 16;
const THREADS = G * G;
const QM = RM * G;
const QN = RN * G;
const TM = 4 * QM;
const TN = 4 * QN;
const BLOCKS = 4 * RM * RN;
alias Sums = array<vec4<f32>, BLOCKS>; // rows 4·(down + G·i) + r, columns 4·(across + G·j) …: at 4·(RN·i + j) + r
var<workgroup> left: array<array<vec4<f32>, QM>, STEP>;
var<workgroup> right: array<array<vec4<f32>, QN>, STEP>;

// Where in its line a vec4 stands: moved on from line to line, so that neighbours in k lie in different banks.
fn stand(quad: u32, k: u32) -> u32 {
  return quad ^ (k % 8u);
}

// Adds the product of `left` and `right`; down = lid / G, across = lid % G.
fn multiply(sums: ptr<function, Sums>, lid: u32) {
  for (var k = 0u; k < STEP; k++) {
    let down = stand(lid / G, k);
    let across = stand(lid % G, k);
    @unroll for (var j = 0u; j < RN; j++) {
      let q = right[k][across + j * G];
      @unroll for (var i = 0u; i < RM; i++) {
        let p = left[k][down + i * G];
        @unroll for (var r = 0u; r < 4u; r++) { (*sums)[(i * RN + j) * 4 + r] += p[r] * q; }
      }
    }
  }
}

// Hands the results to the kernel's store(), which writes what lies inside: four neighbours of a row at a time.
fn store_all(sums: ptr<function, Sums>, wid: vec3<u32>, lid: u32) {
  @unroll for (var i = 0u; i < RM; i++) {
    @unroll for (var j = 0u; j < RN; j++) {
      for (var r = 0u; r < 4u; r++) {
        let row = wid.y * TM + 4u * (lid / G + i * G) + r;
        store(wid, row, wid.x * TN + 4u * (lid % G + j * G), (*sums)[(i * RN + j) * 4 + r]);
      }
    }
  }
}
