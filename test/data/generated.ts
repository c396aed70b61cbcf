// The generated data set as files that were picked in a page. Not a test.
import { syntheticFiles } from '../../src/data/synthetic.js'

export const generated = [...syntheticFiles({ train: 16, test: 8, size: 32 })].map(({ path, bytes }) => ({
  path,
  blob: new Blob([bytes as Uint8Array<ArrayBuffer>]),
}))
