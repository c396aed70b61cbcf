// Names of tensors as models have them: without what wrappers put before them, and as newer versions write them.

/** What DataParallel, torch.compile, Lightning and backbones put before a model's own names. */
const PREFIX = /^(?:(?:module|_orig_mod|model|backbone)\.)+/

/** torchvision's DenseNet checkpoints still have the dots that its layers lost: `denselayer1.norm.1` is `norm1`. */
const DOTTED = /(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)/

/** A tensor's name without what wrappers of its model have put before it. */
export const bareName = (name: string) => name.replace(PREFIX, '').replace(DOTTED, '$1')

/** Tensors under their bare names; one keeps its own where another has the bare name already. */
export function withBareNames<T>(tensors: ReadonlyMap<string, T>): Map<string, T> {
  const bare = new Map<string, T>()
  for (const [name, tensor] of tensors) {
    const short = bareName(name)
    bare.set(bare.has(short) || (short !== name && tensors.has(short)) ? name : short, tensor)
  }
  return bare
}
