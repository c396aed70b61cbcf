// Fifth screen: a trained model on single images.
import { useState } from 'preact/hooks'
import type { ExplainedFile } from '../../src/app/explain.js'
import type { ModelCard } from '../../src/app/card.js'
import { type Picked, fromInput } from '../files.js'
import { Dropzone } from '../parts/Dropzone.js'
import { Placeless, explain } from '../parts/HeatMap.js'
import { Pixels } from '../parts/Picture.js'
import { Term } from '../parts/Term.js'
import { help } from '../runs.js'
import { attempt, busy } from '../state/page.js'
import { fileOf, result } from '../state/result.js'
import { percent, probabilityIn } from '../words.js'

export function Use() {
  const [own, setOwn] = useState<{ file: File; card: ModelCard } | null>(null)
  const [found, setFound] = useState<readonly ExplainedFile[]>([])
  const take = (picked: readonly Picked[]) =>
    attempt('Looking at the images', async () => {
      const isCheckpoint = ({ path }: Picked) => /\.safetensors$/i.test(path)
      let checkpoint: Blob | undefined = own?.file
      const dropped = picked.find(isCheckpoint)
      if (dropped) {
        const file = new File([dropped.blob], dropped.path)
        setOwn({ file, card: await help((runs) => runs.card(file)) })
        setFound([])
        checkpoint = file
      }
      const images = picked.filter((one) => !isCheckpoint(one)).map(({ path, blob }) => new File([blob], path))
      if (!images.length) return
      if (!checkpoint && !result.value) throw new Error('Train a model first, or choose a checkpoint.')
      checkpoint ??= await fileOf('best.safetensors')
      await explain(checkpoint, images, 'default', (one) => setFound((before) => [one, ...before]))
    })
  const ready = own !== null || result.value !== null
  const name = own ? own.file.name : 'the model trained here'
  const classes = own ? own.card.classes : result.value?.predictions.classes
  const threshold = (own ? own.card : result.value?.metrics)?.operatingPoint?.threshold
  const from = threshold ? ` ${classes![1]} is called from a probability of ${percent(threshold)} on.` : ''
  return (
    <>
      <h1>Use it</h1>
      <Dropzone label="Use a model" onFiles={(files) => void files.then(take)}>
        <p>
          {ready ? `Uses ${name}, which tells ${classes!.join(' from ')}.${from}` : 'There is no model yet.'}
          {' Drop images or a '}
          <Term name="checkpoint" /> here, or choose them:
        </p>
        <div class="grid">
          <div class="field">
            <label for="use-images">Images</label>
            <input
              id="use-images"
              type="file"
              accept=".png,.jpg,.jpeg"
              multiple
              disabled={!ready || busy.value !== null}
              onChange={(event) => void take(fromInput(event.currentTarget.files!))}
            />
          </div>
          <div class="field">
            <label for="use-checkpoint">Checkpoint (.safetensors)</label>
            <input
              id="use-checkpoint"
              type="file"
              accept=".safetensors"
              disabled={busy.value !== null}
              onChange={(event) => void take(fromInput(event.currentTarget.files!))}
            />
          </div>
        </div>
      </Dropzone>
      <p>
        <strong>Not a medical device.</strong> It calls one of its classes for any image whatever, also for one that is
        no radiograph.
      </p>
      <ul class="used" aria-live="polite">
        {found.map((one, i) => (
          <li key={found.length - i}>
            <article>
              <header>
                <strong>{one.called}</strong>
                <br />
                probability of {probabilityIn(classes!, one.class, one.probability)}
                <p class="file">{one.file}</p>
              </header>
              <Pixels image={one.overlay} description={`Heat map for ${one.class} over ${one.file}`} />
              <Placeless map={one.map} />
              <footer>
                <Term name="heat map" shown="Heat map" />: where the model looked
              </footer>
            </article>
          </li>
        ))}
      </ul>
    </>
  )
}
