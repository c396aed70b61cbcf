// Every test image, framed by whether it was called rightly.
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { TestPredictions } from '../../src/app/predictions.js'
import { data } from '../state/images.js'
import { fileOf } from '../state/result.js'
import { probabilityIn } from '../words.js'
import { HeatMap } from './HeatMap.js'
import { Thumbnail } from './Picture.js'

const ORDERS = {
  sure: 'most confident first',
  unsure: 'least confident first',
  wrong: 'mistakes first, the surest on top',
  name: 'by file name',
} as const

/** Images that are put on the page at once: hundreds would block it. */
const PIECE = 60

interface Props {
  predictions: TestPredictions
  called: ArrayLike<number>
  isTransformer: boolean
}

export function Grid({ predictions, called, isTransformer }: Props) {
  const { classes, files, labels, probabilities } = predictions
  const [order, setOrder] = useState<keyof typeof ORDERS>('wrong')
  const [chosen, setChosen] = useState<File | null>(null)
  const [checkpoint, setCheckpoint] = useState<Blob | null>(null)
  const [most, setMost] = useState(PIECE)
  useEffect(() => {
    if (most >= files.length) return
    const next = setTimeout(() => setMost(most + PIECE))
    return () => clearTimeout(next)
  }, [most, files])
  useEffect(() => void fileOf('best.safetensors').then(setCheckpoint), [])
  const blobs = useMemo(() => new Map(data.value?.files.map(({ path, blob }) => [path, blob])), [data.value])
  const items = files.map((file, i) => ({
    file,
    blob: blobs.get(`test/${file}`) ?? blobs.get(file),
    called: classes[called[i]],
    probability: probabilities[i * classes.length + called[i]],
    right: called[i] === labels[i],
  }))
  type Item = (typeof items)[0]
  const shown = ({ called, probability }: Item) => probabilityIn(classes, called, probability)
  const wordsOf = (item: Item) => `${shown(item)}, ${item.right ? 'right' : 'wrong'}`
  const surest = (a: Item, b: Item) => b.probability - a.probability
  const by = {
    sure: surest,
    unsure: (a: Item, b: Item) => surest(b, a),
    wrong: (a: Item, b: Item) => Number(a.right) - Number(b.right) || surest(a, b),
    name: (a: Item, b: Item) => (a.file < b.file ? -1 : 1),
  }[order]
  return (
    <>
      <label for="order">Order</label>
      <select id="order" value={order} onChange={(event) => setOrder(event.currentTarget.value as keyof typeof ORDERS)}>
        {Object.entries(ORDERS).map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
      <ul class="pictures">
        {items
          .sort(by)
          .slice(0, most)
          .map((item) => (
            <li key={item.file} class={item.right ? 'right' : 'wrong'}>
              <button
                type="button"
                disabled={!item.blob || !checkpoint}
                aria-label={`${item.file}: called ${item.called}, ${wordsOf(item)}. Show heat map`}
                onClick={() => setChosen(new File([item.blob!], item.file))}
              >
                {item.blob && <Thumbnail blob={item.blob} />}
                <span>
                  {item.right ? '✓' : '✗'} {item.called}
                  <br />
                  <small>{shown(item)}</small>
                </span>
              </button>
            </li>
          ))}
      </ul>
      {chosen && checkpoint && (
        <HeatMap {...{ checkpoint, classes, isTransformer, image: chosen, close: () => setChosen(null) }} />
      )}
    </>
  )
}
