// The images: what was picked, and what is known of it.
import { signal } from '@preact/signals'
import type { Audit } from '../../src/audit/audit.js'
import type { Finding } from '../../src/audit/findings.js'
import { type Picked, opened } from '../files.js'
import { help } from '../runs.js'
import { attempt, busy, news } from './page.js'
import { setting } from './settings.js'

export interface Data {
  name: string
  files: readonly Picked[]
  madeTest: boolean
  /** Null until every file was looked at. */
  audit: Audit | null
  findings: readonly Finding[]
}
export const data = signal<Data | null>(null)

export const takeFiles = (name: string, picked: () => Promise<Picked[]>): Promise<void> =>
  attempt('Reading the folder', async () => {
    const all = await opened(await picked())
    const { files, madeTest } = await help((runs) => runs.arrange(all))
    if (!files.length)
      throw new Error(
        'No images found. Choose a folder that holds one folder of JPEG or PNG images for each class, such as ' +
          'healthy and ill.',
      )
    await look(name, files, madeTest)
  })

export async function look(name: string, files: Picked[], madeTest: boolean): Promise<void> {
  data.value = { name, files, madeTest, audit: null, findings: [] }
  busy.value = { what: 'Looking at every image', done: 0, total: files.length }
  const onProgress = (done: number, total: number) => {
    busy.value = { what: 'Looking at every image', done, total }
  }
  const found = await help((runs) => runs.audit({}, { data: files, onProgress }))
  data.value = { name, files, madeTest, ...found }
  news.value = `${found.audit.images} images looked at`
}

export const takeSample = (): Promise<void> =>
  attempt('Drawing sample images', async () => {
    const files = await help((runs) => runs.sample({ train: 240, test: 80, size: 64 }))
    setting('imageSize', 64)
    setting('lr', 1e-3)
    setting('epochs', 4)
    await look('Sample set (drawn, of no medical meaning)', files, false)
  })
