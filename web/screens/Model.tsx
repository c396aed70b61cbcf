// Second screen: which model, from which weights, and how it is trained.
import { useEffect, useState } from 'preact/hooks'
import { Field } from '../parts/Field.js'
import { Explain, Term } from '../parts/Term.js'
import type { FetchMessage } from '../fetch.js'
import { estimate, estimateRun } from '../state/estimate.js'
import { data } from '../state/images.js'
import { attempt, busy } from '../state/page.js'
import { active, interrupted } from '../state/progress.js'
import { kinds, loadTable, setting, table, valueOf, weights } from '../state/settings.js'
import { startTraining } from '../state/training.js'
import { dropWeights, keepWeights, keptWeights } from '../weights.js'
import { LABELS, duration, megabytes } from '../words.js'

const PARTS = [
  ['head', 'the last layer: quick, little memory'],
  ['last-stage,head', 'the last stage and the last layer'],
  ['all', 'everything: best with many images'],
] as const

/** Fields that are always shown; the others are behind “more”. */
const FIRST = ['model', 'epochs', 'batchSize', 'lr']

export function Model() {
  useEffect(() => void attempt('Loading the models', loadTable), [])
  if (!table.value) return <h1>Model</h1>
  const trainable = String(valueOf('trainable') ?? 'all')
  return (
    <>
      <h1>Model</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void startTraining()
        }}
      >
        <div class="grid">
          <Field name="model" label={LABELS.model} term="model" />
          <div class="field">
            <label for="trainable">What is trained</label> <Explain name="head" shown="the last layer" />
            <select
              id="trainable"
              value={trainable}
              onChange={(event) => setting('trainable', event.currentTarget.value.split(','))}
            >
              {PARTS.map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </div>
        </div>
        <Weights />
        <div class="grid">
          <Field name="epochs" label={LABELS.epochs} term="epoch" />
          <Field name="batchSize" label={LABELS.batchSize} term="batch size" />
          <Field name="lr" label={LABELS.lr} term="learning rate" />
        </div>
        <details>
          <summary>More settings</summary>
          <div class="grid">
            {Object.entries(LABELS)
              .filter(([name]) => !FIRST.includes(name))
              .map(([name, label]) => (
                <Field key={name} name={name} label={label} />
              ))}
          </div>
        </details>
        <div class="choices">
          <button
            type="button"
            class="secondary"
            disabled={!data.value?.audit || busy.value !== null || active.value}
            onClick={() => void estimateRun()}
          >
            Estimate memory and time
          </button>
          <button type="submit" disabled={!data.value?.audit || busy.value !== null || active.value}>
            Start training
          </button>
        </div>
        {!data.value && <p>Choose images first.</p>}
        {interrupted.value && <p>Starting a new training gives up the interrupted one.</p>}
        <p aria-live="polite">
          {estimate.value &&
            `Takes ${megabytes(estimate.value.memory.bytes)} of graphics memory and about ` +
              `${duration(estimate.value.seconds)} for ${String(valueOf('epochs'))} epochs.`}
        </p>
      </form>
    </>
  )
}

function Weights() {
  const [fetching, setFetching] = useState<string | null>(null)
  const [address, setAddress] = useState('')
  const [told, setTold] = useState('')
  const use = async (name: string) => {
    weights.value = name
    kinds.value = await keptWeights()
  }
  useEffect(() => {
    if (!fetching) return
    const hear = ({ origin, data }: MessageEvent<FetchMessage>) => {
      if (origin !== location.origin || typeof data !== 'object') return
      if ('done' in data) return setTold(`${megabytes(data.done)}${data.total ? ` of ${megabytes(data.total)}` : ''}`)
      if (!('name' in data) && !('error' in data)) return
      setFetching(null)
      if ('name' in data) {
        setTold(`${data.name} is kept`)
        void use(data.name)
      } else
        setTold(
          `The address did not give a file that this page may read (${data.error}). Its host must allow it (CORS), ` +
            'and must not send it on to another host. Download the file in the usual way and choose it above.',
        )
    }
    addEventListener('message', hear)
    return () => removeEventListener('message', hear)
  }, [fetching])
  return (
    <fieldset>
      <legend>
        <Term name="weights" shown="Weights to start from" />
      </legend>
      <div class="grid">
        <div class="field">
          <label for="kept">Kept in this browser</label>
          <select
            id="kept"
            value={weights.value ?? ''}
            onChange={(event) => (weights.value = event.currentTarget.value || null)}
          >
            <option value="">none: start from chance</option>
            {kinds.value.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          {weights.value && (
            <button
              type="button"
              class="secondary small"
              onClick={() =>
                void attempt('Removing the weights', async () => {
                  await dropWeights(weights.value!)
                  weights.value = null
                  kinds.value = await keptWeights()
                })
              }
            >
              Remove {weights.value} from this browser
            </button>
          )}
        </div>
        <div class="field">
          <label for="weights-file">Weights file (.safetensors, .pth, .pt, .bin)</label>
          <input
            id="weights-file"
            type="file"
            accept=".safetensors,.pth,.pt,.bin"
            onChange={(event) => {
              const [file] = event.currentTarget.files!
              void attempt('Keeping the weights', async () => {
                await keepWeights(file.name, file.stream())
                await use(file.name)
              })
            }}
          />
        </div>
      </div>
      <details>
        <summary>From an address</summary>
        <label for="address">Address</label>
        <input
          id="address"
          type="url"
          placeholder="https://"
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
        <small>
          The only connection that this page ever makes, and to this host alone; nothing is sent but the request.
        </small>
        <div class="choices">
          <button
            type="button"
            class="secondary"
            disabled={fetching !== null || !/^https?:\/\/./.test(address)}
            onClick={() => {
              setTold('')
              setFetching(address)
            }}
          >
            Fetch
          </button>
          {fetching && (
            <button type="button" class="secondary" onClick={() => setFetching(null)}>
              Stop
            </button>
          )}
        </div>
        {fetching && <iframe hidden title="Fetching weights" src={`./fetch.html#${encodeURIComponent(fetching)}`} />}
      </details>
      <p aria-live="polite">{told}</p>
    </fieldset>
  )
}
