// Every case file of this folder, found by its name: an operator's cases count as soon as its file exists.
import { readdirSync } from 'node:fs'
import type { OpCase } from './case.js'

// The sources are listed, not what was built from them: a deleted file must not live on.
const names = readdirSync(new URL('../../../test/cases/', import.meta.url))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => !['all', 'case'].includes(name))
  .sort()

export const operators: readonly OpCase[] = await Promise.all(
  names.map(async (name) => ((await import(`./${name}.js`)) as { default: OpCase }).default),
)
