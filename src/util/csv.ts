// Comma-separated tables (RFC 4180), whatever the cells hold.

/** Rows of cells as a text; a cell is quoted where it must be. */
export function csvText(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) => {
    const text = String(value)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return rows.map((row) => `${row.map(cell).join()}\n`).join('')
}

/** The rows of {@link csvText}. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  // A cell, quoted or not, and what ends it.
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end !== ',') rows.push([])
    if (end === '') break
  }
  return rows.filter((row) => row.length > 1 || (row.length === 1 && row[0] !== ''))
}
