// Products by strides, in elements: element (m, k) of `a` is at m·a_row + k·a_col, (k, n) of `w` at k·w_row + n·w_col;
// a_stride, w_stride between batches (0 uses one matrix for all). K may be cut into `splits` of k_per_split, and these
// into rounds.
// @shape N, a_row, a_col, w_row, w_col, has_bias, has_pre
struct Params {
  M: u32, N: u32, K: u32, a_row: u32, a_col: u32, a_stride: u32, w_row: u32, w_col: u32, w_stride: u32, batches: u32,
  splits: u32, k_per_split: u32, k_per_round: u32, has_bias: u32, has_pre: u32,
}
