// The proximal term of FedProx: what keeps a site's weights near those that a round began with.
import { gpu } from '../gpu/gpu.js'
import type { Storage } from '../gpu/storage.js'
import * as shaders from '../shaders.gen.js'
import { type Run, checkParameters, contiguousRuns } from '../tensor/arena.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, shown } from '../util/check.js'

/**
 * Adds mu / 2 · |w − w₀|² to a loss, by its gradient: w₀ is what the parameters were when this was made.
 * `addGradient()` stands between `backward()` and the optimizer's `step()`, in a captured step, too. FedProx, Li et al.
 * 2020.
 */
export class Proximal {
  private readonly runs: readonly { run: Run; start: Storage }[]

  /** @throws RadiogradError unless `mu` is a finite number, 0 or more. */
  constructor(
    params: readonly Tensor[],
    /** Strength of the pull; 0 for none. */
    readonly mu: number,
  ) {
    check(
      typeof mu === 'number' && mu >= 0 && mu < Infinity,
      () => `Proximal: mu must be a finite number, 0 or more, got ${shown(mu)}`,
    )
    checkParameters('Proximal', params)
    this.runs = contiguousRuns(params).map((run) => {
      const start = gpu.memory.allocate(4 * run.floats, 'start of the round')
      gpu.copy(run.parameters, start)
      return { run, start }
    })
  }

  /** gradient += mu · (w − w₀). */
  addGradient(): void {
    for (const { run, start } of this.runs) {
      const { gradients: g, parameters: p, floats: n } = run
      gpu.run(shaders.proximal, { g, p, start }, { n, mu: this.mu }, { elements: n })
    }
  }
}
