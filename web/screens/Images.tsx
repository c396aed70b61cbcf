// First screen: the images, and what is known of them before anything is trained.
import { useId } from 'preact/hooks'
import { type Picked, fromFolder, fromInput } from '../files.js'
import { type Data, data, takeFiles, takeSample } from '../state/images.js'
import { busy, show } from '../state/page.js'
import { Dropzone } from '../parts/Dropzone.js'
import { Thumbnail } from '../parts/Picture.js'
import { Term } from '../parts/Term.js'
import { count, inLabels, percent } from '../words.js'

/** The browser's own dialog for folders, where it has one; it does not speak of an upload. */
type FolderDialog = (options: { id: string }) => Promise<FileSystemDirectoryHandle>
const folderDialog = (window as { showDirectoryPicker?: FolderDialog }).showDirectoryPicker?.bind(window)

const nameOf = (files: readonly Picked[]) => files[0]?.path.split('/')[0] || 'Images'
const take = (picked: Promise<Picked[]>) =>
  picked.then((files) => takeFiles(nameOf(files), async () => files)).catch(() => {}) // the dialog was closed

export function Images() {
  return (
    <>
      <h1>Images</h1>
      {!data.value && (
        <p>
          Train a model that tells your radiographs apart, see what it is worth, and use it: images, model, training,
          result, one step after the other, all in this tab.
        </p>
      )}
      <p>
        Choose a folder that holds one folder of JPEG or PNG images for each class, such as <code>healthy</code> and{' '}
        <code>ill</code>; inside <code>train</code> and <code>test</code> folders or not. Nothing is uploaded: no image
        leaves this machine.
      </p>
      <Choose />
      {data.value && <Found {...data.value} />}
    </>
  )
}

function Choose() {
  const id = useId()
  return (
    <Dropzone label="Choose images" onFiles={(files) => void take(files)}>
      <p>Drop a folder or a zip here, or:</p>
      <div class="choices">
        {folderDialog && (
          <button
            type="button"
            disabled={busy.value !== null}
            onClick={() => void take(folderDialog({ id: 'images' }).then((handle) => fromFolder(handle)))}
          >
            Choose a folder
          </button>
        )}
        <button type="button" class="secondary" disabled={busy.value !== null} onClick={() => void takeSample()}>
          Use the sample set
        </button>
      </div>
      <details>
        <summary>Other ways</summary>
        <label for={`${id}-folder`}>Folder</label>
        <input
          id={`${id}-folder`}
          type="file"
          {...{ webkitdirectory: true }}
          onChange={(event) => void take(Promise.resolve(fromInput(event.currentTarget.files!)))}
        />
        <label for={`${id}-zip`}>Zip file of such a folder</label>
        <input
          id={`${id}-zip`}
          type="file"
          accept=".zip"
          onChange={(event) => void take(Promise.resolve(fromInput(event.currentTarget.files!)))}
        />
      </details>
    </Dropzone>
  )
}

function Found({ name, files, madeTest, audit, findings }: Data) {
  if (!audit) return <h2>{name}</h2>
  const { classes, splits, unreadable, leftOut, identical, nearIdentical } = audit
  const broken = new Set(unreadable.map(({ path }) => path))
  const readable = files.filter(({ path }) => !broken.has(path))
  return (
    <>
      <h2>{name}</h2>
      <div class="wide">
        <table>
          <caption>Images by class and part</caption>
          <thead>
            <tr>
              <th scope="col">Part</th>
              {classes.map((one) => (
                <th scope="col" key={one}>
                  {one}
                </th>
              ))}
              <th scope="col">Total</th>
            </tr>
          </thead>
          <tbody>
            {splits.map((split) => (
              <tr key={split.name}>
                <th scope="row">{split.name}</th>
                {split.classes.map((one) => (
                  <td key={one.name}>
                    {one.images.toLocaleString('en')} <small>({percent(one.images / Math.max(1, split.images))})</small>
                  </td>
                ))}
                <td>{split.images.toLocaleString('en')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {madeTest && (
        <p>
          The folder has no test part, so a fifth of the images was put aside for it, by <Term name="patient" />.
        </p>
      )}
      <p>
        <button type="button" onClick={() => show('model')}>
          Choose a model
        </button>
      </p>
      <h3>Samples</h3>
      {classes.map((one) => (
        <figure key={one}>
          <figcaption>{one}</figcaption>
          <div class="samples">
            {samplesOf(readable, one).map(({ path, blob }) => (
              <Thumbnail key={path} blob={blob} />
            ))}
          </div>
        </figure>
      ))}
      <h3>What to know before training</h3>
      {findings.length ? (
        <ul class="findings">
          {findings.map(({ level, text }) => (
            <li key={text} class={level}>
              <strong>{{ error: 'Problem', warning: 'Caution', note: 'Note' }[level]}:</strong> {inLabels(text)}
            </li>
          ))}
        </ul>
      ) : (
        <p>Nothing unusual was found.</p>
      )}
      <Named title={`${count(unreadable.length, 'file')} that cannot be read`} lines={unreadable.map(named)} />
      <Named title={`${count(leftOut.length, 'file')} left out`} lines={leftOut.map(named)} />
      <Named
        title={`${count(identical.length + nearIdentical.length, 'group')} of copies`}
        lines={[...identical, ...nearIdentical].map(({ paths }) => paths.join(' = '))}
      />
    </>
  )
}

const named = ({ path, reason }: { path: string; reason: string }) => `${path}: ${inLabels(reason)}`

function samplesOf(files: readonly Picked[], name: string): readonly Picked[] {
  const own = files.filter(({ path }) => path.split('/')[1] === name)
  const step = Math.max(1, Math.floor(own.length / 6))
  return own.filter((_, i) => i % step === 0).slice(0, 6)
}

function Named({ title, lines }: { title: string; lines: readonly string[] }) {
  if (!lines.length) return null
  return (
    <details>
      <summary>{title}</summary>
      <ul>
        {lines.slice(0, 200).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {lines.length > 200 && <p>and {lines.length - 200} more</p>}
    </details>
  )
}
