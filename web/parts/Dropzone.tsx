// A place to drop files on, around the controls that choose them.
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { type Picked, fromDrop } from '../files.js'

interface Props {
  label: string
  onFiles: (files: Promise<Picked[]>) => void
  children: ComponentChildren
}

export function Dropzone({ label, onFiles, children }: Props) {
  const [over, setOver] = useState(false)
  return (
    <section
      aria-label={label}
      class={over ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        onFiles(fromDrop(event.dataTransfer!))
      }}
    >
      {children}
    </section>
  )
}
