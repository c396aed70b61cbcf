// Where in a training checkpoint the weights are. Pure functions.
import { fileError } from '../util/check.js'
import { Dict, Inert, Sequence } from './pickle.js'
import { Described } from './rebuild.js'

/** Keys under which training code keeps a model's weights, in the order of preference. */
const WRAPPERS = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'module',
  'weights',
  'params',
  'state_dict_ema',
  'model_ema',
  'ema',
]
/** Keys under which tensors are no weights. */
const OTHERS = /optim|sched|scaler|rng|hook|momentum|loss|metric|history/i
/** Deeper than this no training code hides its weights. */
const MAX_DEPTH = 5
const MOST_VISITED = 10_000

interface Found {
  dict: Dict
  /** `['state_dict']`, or nothing where the weights are the whole file. */
  path: string
}

/**
 * The state dict: under one of the usual keys, else the dict that holds the most tensors. A tensor beside it (such as a
 * best accuracy) does not hide it.
 * @throws RadiogradError that says what the file holds instead
 */
export function findWeights(root: unknown, file: string): Found {
  const found = underWrappers(root, '', 0)
  if (found) return found
  const whole = wholeModel(root)
  if (whole)
    throw fileError(
      file,
      `it holds a whole model (an object of ${whole.kind}), not its weights; convert it in Python with ` +
        `torch.save(torch.load(file, weights_only=False)${whole.path}.state_dict(), other)`,
    )
  const most = withMostTensors(root)
  if (most) return most
  if ([root, ...WRAPPERS.map((key) => dictOf(root)?.entries.get(key))].some(holdsArrays))
    throw fileError(
      file,
      'it holds NumPy arrays, no tensors; convert it in Python with ' +
        'torch.save({k: torch.from_numpy(v) for k, v in torch.load(file, weights_only=False).items()}, other)',
    )
  throw fileError(
    file,
    root instanceof Described
      ? 'it holds a single tensor, no state dict'
      : 'it holds no state dict, no dict of tensors',
  )
}

const dictOf = (value: unknown) => (value instanceof Inert ? value.items : value instanceof Dict ? value : null)

const holdsArrays = (value: unknown): boolean =>
  [...(dictOf(value)?.entries.values() ?? [])].some((v) => v instanceof Inert && /^numpy\..*_reconstruct$/.test(v.kind))

function count(dict: Dict): number {
  let tensors = 0
  for (const [name, value] of dict.entries) if (value instanceof Described && typeof name === 'string') tensors++
  return tensors
}

function underWrappers(value: unknown, path: string, depth: number): Found | null {
  const dict = dictOf(value)
  if (!dict || depth > MAX_DEPTH) return null
  for (const key of WRAPPERS) {
    const inner = dictOf(dict.entries.get(key))
    const below = inner && inner !== dict && `${path}['${key}']`
    const found =
      below && (underWrappers(inner, below, depth + 1) ?? (count(inner) ? { dict: inner, path: below } : null))
    if (found) return found
  }
  return null
}

/** An object of torch.nn.Module at the top or under one of the usual keys. */
function wholeModel(root: unknown): { kind: string; path: string } | null {
  const isModule = (value: unknown): value is Inert =>
    value instanceof Inert &&
    value.state instanceof Dict &&
    ['_modules', '_parameters'].some((key) => (value.state as Dict).entries.has(key))
  if (isModule(root)) return { kind: root.kind, path: '' }
  for (const key of root instanceof Dict ? WRAPPERS : []) {
    const value = (root as Dict).entries.get(key)
    if (isModule(value)) return { kind: value.kind, path: `['${key}']` }
  }
  return null
}

/** Breadth first, so that of two as large the one nearer to the top is taken. */
function withMostTensors(root: unknown): Found | null {
  const seen = new Set<unknown>()
  let level: [value: unknown, path: string][] = [[root, '']]
  let best: Found | null = null
  for (let depth = 0; depth <= MAX_DEPTH && level.length; depth++) {
    const next: typeof level = []
    for (const [value, path] of level) {
      const dict = dictOf(value)
      const inner = dict ? dict.entries : value instanceof Sequence ? value.items.entries() : []
      if (seen.has(value) || seen.size > MOST_VISITED) continue
      seen.add(value)
      if (dict && count(dict) > (best ? count(best.dict) : 0)) best = { dict, path }
      for (const [key, item] of inner)
        if ((dictOf(item) || item instanceof Sequence) && !(typeof key === 'string' && OTHERS.test(key)))
          next.push([item, `${path}[${typeof key === 'string' ? `'${key}'` : typeof key === 'number' ? key : '…'}]`])
    }
    level = next
  }
  return best
}
