// The page: five screens, and what is said above all of them.
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Images } from './screens/Images.js'
import { Model } from './screens/Model.js'
import { Result } from './screens/Result.js'
import { Training } from './screens/Training.js'
import { Use } from './screens/Use.js'
import { type Screen, busy, news, problem, screen } from './state/page.js'
import { active, interrupted } from './state/progress.js'
import { discard, goOn, restore } from './state/training.js'
import { howToGetWebGpu, inWords } from './words.js'

const SCREENS: Record<Screen, [name: string, draw: () => preact.JSX.Element]> = {
  images: ['Images', Images],
  model: ['Model', Model],
  training: ['Training', Training],
  result: ['Result', Result],
  use: ['Use it', Use],
}

function Page() {
  const [, Draw] = SCREENS[screen.value]
  return (
    <>
      <header class="container">
        <nav aria-label="Steps">
          <ul>
            {Object.entries(SCREENS).map(([id, [name]]) => (
              <li key={id}>
                <a href={`#${id}`} aria-current={screen.value === id ? 'page' : undefined}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main class="container">
        <WebGpu />
        {problem.value && (
          <div role="alert" class="problem">
            <p>{problem.value}</p>
            <button type="button" class="secondary small" onClick={() => (problem.value = null)}>
              Close
            </button>
          </div>
        )}
        {interrupted.value && !active.value && <Interrupted />}
        {busy.value && <Busy {...busy.value} />}
        <Draw />
        <p class="hidden" role="status">
          {news.value}
        </p>
      </main>
      <footer class="container">
        <small>
          radiograd trains and reads models in this tab. No image leaves this machine: the page can connect to nothing
          but where it came from.
        </small>
      </footer>
    </>
  )
}

function Interrupted() {
  return (
    <section aria-label="Interrupted training" class="caution">
      <p>
        A training was interrupted. It can go on from where it was last saved, which happens every minute and after each
        epoch; from the beginning, if it was ended before. The numbers will be the same as without the stop.
      </p>
      <div class="choices">
        <button type="button" onClick={() => void goOn()}>
          Go on with the training
        </button>
        <button type="button" class="secondary" onClick={() => void discard()}>
          Give it up
        </button>
      </div>
    </section>
  )
}

function Busy({ what, done, total }: { what: string; done?: number; total?: number }) {
  return (
    <p aria-busy="true">
      {what}
      {total ? (
        <>
          , {done} of {total} <progress aria-label={what} value={done} max={total} />
        </>
      ) : (
        '…'
      )}
    </p>
  )
}

/** Said only where something is missing. */
function WebGpu() {
  const [missing, setMissing] = useState(false)
  useEffect(() => {
    const ask = async () => !(await navigator.gpu?.requestAdapter().catch(() => null))
    void ask().then(setMissing)
  }, [])
  if (!missing) return null
  return (
    <div role="alert" class="problem">
      <p>
        This browser does not offer WebGPU, which this page computes with, so nothing can be trained here.{' '}
        {howToGetWebGpu(navigator.userAgent)}
      </p>
    </div>
  )
}

render(<Page />, document.body)
restore().catch((error) => (problem.value = inWords(error)))
void navigator.serviceWorker?.register('./sw.js').catch(() => {}) // a private window has none
