// One setting as a field of a form: what kind, its limits and its help come from the table's row.
import { useId } from 'preact/hooks'
import { type Setting, fits, ruleOf } from '../../src/app/settings.js'
import { choices, setting, table, valueOf } from '../state/settings.js'
import type { TermName } from '../words.js'
import { Explain } from './Term.js'

export function Field({ name, label, term }: { name: string; label: string; term?: TermName }) {
  const id = useId()
  const row = table.value![name]
  const value = valueOf(name)
  const wrong = value !== undefined && !fits(row, value)
  const take = (text: string) => setting(name, text.trim() === '' ? undefined : text)
  const own = { id, 'aria-describedby': `${id}-help`, 'aria-invalid': wrong || undefined }
  return (
    <div class="field">
      <label for={id}>{label}</label> {term && <Explain name={term} shown={label} />}
      {control(row, value, take, own, name)}
      <small id={`${id}-help`}>{wrong ? `Must be ${ruleOf(row)}.` : helpOf(row, term)}</small>
    </div>
  )
}

function control(row: Setting, value: unknown, take: (text: string) => void, own: object, name: string) {
  if (row.kind === 'choice')
    return (
      <select {...own} value={String(value)} onChange={(event) => take(event.currentTarget.value)}>
        {row.choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    )
  if (row.kind === 'switch')
    return (
      <input
        {...own}
        type="checkbox"
        role="switch"
        checked={value === true}
        onChange={(event) => setting(name, event.currentTarget.checked)}
      />
    )
  const text = String(choices.value[name] ?? value ?? '')
  return (
    <input
      {...own}
      inputMode={row.kind === 'whole' ? 'numeric' : row.kind === 'number' ? 'decimal' : 'text'}
      value={text}
      onInput={(event) => take(event.currentTarget.value)}
    />
  )
}

/** A term explains itself, and the help of a switch that is on says what turning it off does. */
function helpOf(row: Setting, term?: TermName): string {
  if (term || row.kind === 'choice' || (row.kind === 'switch' && row.default)) return ''
  return `${row.help[0].toUpperCase()}${row.help.slice(1)}.`
}
