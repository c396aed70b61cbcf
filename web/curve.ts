// Where a threshold lies on a ROC curve.

/**
 * The place of the curve's corner that a threshold gives: the last whose own threshold is not below it.
 * @param thresholds of the corners, descending from Infinity, as `rocCurve` has them.
 */
export const cornerAt = (thresholds: readonly number[], threshold: number): number =>
  thresholds.filter((one) => one >= threshold).length - 1
