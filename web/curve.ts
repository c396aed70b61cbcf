// A curve as uPlot draws it: points in order of x, one of which is marked.

/**
 * A curve that rises, with one more point of it among its corners: by x, and where it rises straight up, by y. So a
 * point on a vertical part comes after the corner below it; images of the same score, whose part of the curve slants,
 * stay a straight line.
 */
export function curveThrough(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  x: number,
  y: number,
): { x: number[]; y: number[]; at: number } {
  const marked = [x, y] as const
  const points = [...Array.from(xs, (one, i) => [one, ys[i]] as const), marked]
  points.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  return { x: points.map((p) => p[0]), y: points.map((p) => p[1]), at: points.indexOf(marked) }
}
