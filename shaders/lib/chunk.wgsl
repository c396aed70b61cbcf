// Which rows a workgroup of the norms' kernels takes: rows come in sets (one of all rows in batchNorm, one an image in
// groupNorm), each cut into chunks; chunks of all sets are folded into y and z of the dispatch.
struct Chunk { part: u32, of_set: u32, first: u32, end: u32 } // rows first … end - 1

// Rows of this chunk of a set: the last one may have fewer.
fn rows_in(chunk: u32) -> u32 {
  return min(params.rows_per_chunk, params.rows - chunk * params.rows_per_chunk);
}

fn chunk_of(wid: vec3<u32>, nwg: vec3<u32>) -> Chunk {
  let part = wid.z * nwg.y + wid.y;
  let of_set = part / params.chunks;
  let chunk = part - of_set * params.chunks;
  let first = of_set * params.rows + chunk * params.rows_per_chunk;
  return Chunk(part, of_set, first, first + rows_in(chunk));
}
