// Long sums of products, for tiles and matrix units. Where they run in rounds a sum, or a part of it, is cut into
// pieces of k_per_round (whole slices), each added to what the result, which is f32, has of those before: what rounding
// loses grows with a piece's length alone. And `a_sums` [splits, M] takes the sums of `a` over k, if wanted, of one
// batch whose rows are contiguous (a_row is 1): a bias's gradient beside the weight's.
override in_rounds: bool = false;
override has_a_sums: bool = false;
var<private> is_first: bool = true;
