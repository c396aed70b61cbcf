// Why an image was called what it was: its heat map, in a dialog.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ExplainedFile } from '../../src/app/explain.js'
import { MAX_PIXELS } from '../../src/data/image.js'
import { placeless } from '../../src/explain/map.js'
import { help } from '../runs.js'
import { inWords, probabilityIn } from '../words.js'
import { Pixels } from './Picture.js'
import { Term } from './Term.js'

export type Method = 'default' | 'grad-cam' | 'rollout' | 'attention-gradient'

const METHODS: readonly (readonly [Method, string])[] = [
  ['default', 'what suits the model'],
  ['grad-cam', 'Grad-CAM'],
  ['attention-gradient', 'attention × gradient'],
  ['rollout', 'attention rollout'],
]

/** Explains images, one after the other. */
export const explain = (
  checkpoint: Blob,
  images: readonly File[],
  method: Method,
  onExplained: (one: ExplainedFile) => void,
): Promise<void> =>
  help((runs) =>
    runs.explain({ method, maxPixels: MAX_PIXELS, tune: true, adapter: 'auto' }, { checkpoint, images, onExplained }),
  )

interface Props {
  checkpoint: Blob
  classes: readonly string[]
  isTransformer: boolean
  image: File
  close: () => void
}

export function HeatMap({ checkpoint, classes, isTransformer, image, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [method, setMethod] = useState<Method>('default')
  const [found, setFound] = useState<ExplainedFile | string | null>(null)
  useEffect(() => dialog.current!.showModal(), [])
  useEffect(() => {
    let gone = false
    setFound(null)
    explain(checkpoint, [image], method, (one) => gone || setFound(one)).catch(
      (error) => gone || setFound(inWords(error)),
    )
    return () => (gone = true)
  }, [image, method])
  return (
    <dialog ref={dialog} onClose={close} aria-label={`Heat map of ${image.name}`}>
      <article>
        <header>
          <button type="button" class="secondary shut" onClick={() => dialog.current!.close()}>
            Close
          </button>
          <h2>
            <Term name="heat map" shown="Heat map" />
          </h2>
          <p class="file">{image.name}</p>
        </header>
        <div aria-live="polite">
          {found === null ? (
            <p aria-busy="true">Computing where the model looked</p>
          ) : typeof found === 'string' ? (
            <p role="alert">{found}</p>
          ) : (
            <>
              <p>
                Called <strong>{found.called}</strong>, probability of{' '}
                {probabilityIn(classes, found.class, found.probability)}.
              </p>
              <Pixels image={found.overlay} description={`Heat map for ${found.class} over ${image.name}`} />
              <Placeless map={found.map} />
            </>
          )}
        </div>
        {isTransformer && (
          <label>
            Method
            <select value={method} onChange={(event) => setMethod(event.currentTarget.value as Method)}>
              {METHODS.map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </label>
        )}
      </article>
    </dialog>
  )
}

/** Said under a map that shows no place. */
export function Placeless({ map }: { map: ExplainedFile['map'] }) {
  const words = placeless(map)
  return words ? <p class="caution">{`${words[0].toUpperCase()}${words.slice(1)}.`}</p> : null
}
