// A word with its explanation one tap away.
import { useId } from 'preact/hooks'
import { TERMS, type TermName } from '../words.js'

/** The explanation alone, to stand beside a label: what is in a label is part of a field's name. */
export function Explain({ name, shown = name }: { name: TermName; shown?: string }) {
  const id = useId()
  return (
    <>
      <button type="button" class="term" popovertarget={id} aria-label={`What is “${shown}”?`}>
        ?
      </button>
      <span popover="auto" id={id} class="explanation">
        {TERMS[name]}
      </span>
    </>
  )
}

/** @param shown what stands there; the term itself when left out. */
export function Term({ name, shown = name }: { name: TermName; shown?: string }) {
  return (
    <>
      {shown} <Explain name={name} shown={shown} />
    </>
  )
}
