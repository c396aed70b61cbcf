// The page's main journey from inside a browser that nothing steers: in a frame of the same origin, by labels and by
// what stands on buttons. A page imports this file as it is.

/** What the visit found, with files of the run as base64. */
export interface Visited {
  /** Names of the test images' buttons that show a heat map. */
  images: string[]
  heatMap: string
  files: Record<string, string>
}

const PATIENCE_MS = 900_000

/** Opens the page in a frame, trains on the zip at `zip`, reads the result and opens a heat map. */
export async function visit(zip: string, settings: Record<string, string>): Promise<Visited> {
  const frame = document.createElement('iframe')
  frame.src = '/page/index.html'
  frame.style.cssText = 'width: 1280px; height: 900px'
  document.body.append(frame)
  const there = () => frame.contentDocument!

  /** The first value that is not null, looked for until it is there; what the page calls a problem ends it. */
  const until = async <T>(what: string, look: () => T | null | undefined): Promise<T> => {
    for (const began = performance.now(); performance.now() - began < PATIENCE_MS;) {
      const found = frame.contentDocument?.body && look()
      if (found) return found
      const problem = there()?.querySelector('[role=alert]')?.textContent
      if (problem) throw new Error(`${what}: the page says “${problem}”`)
      await new Promise((later) => setTimeout(later, 50))
    }
    throw new Error(`${what}: is not there after ${PATIENCE_MS / 1000} s`)
  }
  const all = (selector: string) => [...there().querySelectorAll<HTMLElement>(selector)]
  const nameOf = (element: Element) => element.getAttribute('aria-label') ?? element.textContent!.trim()
  const press = async (name: string | RegExp) => {
    const isIt = (element: Element) =>
      typeof name === 'string' ? nameOf(element) === name : name.test(nameOf(element))
    const button = await until(`button ${name}`, () =>
      all('button, summary').find((one) => isIt(one) && !(one as HTMLButtonElement).disabled),
    )
    button.click()
  }
  const field = (label: string) =>
    until(`field ${label}`, () => {
      const named = all('label').find((one) => one.firstChild?.textContent?.trim() === label) as HTMLLabelElement
      return named?.control as HTMLInputElement | null
    })
  const heading = (name: string) => until(`heading ${name}`, () => all('h1').find((one) => nameOf(one) === name))

  const bytes = await (await fetch(zip)).blob()
  await press('Other ways')
  const picked = new DataTransfer()
  picked.items.add(new File([bytes], 'images.zip'))
  const chooser = await field('Zip file of such a folder')
  chooser.files = picked.files
  chooser.dispatchEvent(new Event('change', { bubbles: true }))

  await press('Choose a model')
  await press('More settings')
  for (const [label, value] of Object.entries(settings)) {
    const control = await field(label)
    control.value = value
    for (const type of ['input', 'change']) control.dispatchEvent(new Event(type, { bubbles: true }))
  }
  await press('Start training')
  await heading('Training')
  await heading('Result')
  const show = /Show heat map$/
  const images = await until('test images', () => {
    const names = all('.pictures button:not(:disabled)').map(nameOf)
    return names.length ? names : null
  })
  await press(show)
  const heatMap = await until('heat map', () => all('dialog [role=img]').map(nameOf)[0])

  const run = await (await navigator.storage.getDirectory()).getDirectoryHandle('run')
  const files: Record<string, string> = {}
  for (const name of ['metrics.json', 'predictions.csv', 'best.safetensors']) {
    const content = new Uint8Array(await (await (await run.getFileHandle(name)).getFile()).arrayBuffer())
    files[name] = btoa(Array.from(content, (byte) => String.fromCharCode(byte)).join(''))
  }
  return { images, heatMap, files }
}
