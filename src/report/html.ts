// HTML as text: what is put into a template is escaped unless it is HTML itself, and a page is one file from which no
// request leaves. Written by report.html and the audit alike.
import { STYLE } from './style.js'

/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

/** What a template takes: text and numbers are escaped, lists joined, null, undefined and false leave nothing. */
export type Content = Html | string | number | null | undefined | false | readonly Content[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function textOf(content: Content): string {
  if (content === null || content === undefined || content === false) return ''
  if (content instanceof Html) return content.text
  if (typeof content === 'object') return content.map(textOf).join('')
  return String(content).replace(/[&<>"']/g, (character) => ESCAPES[character])
}

/** A template: markup`<p title="${title}">${text}</p>`. Attributes need their quotes. */
export function markup(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(strings.map((text, i) => text + textOf(values[i])).join(''))
}

/**
 * A table that can be copied; its first column names the rows. On a narrow screen it scrolls on its own.
 * @param options.prose whether cells hold sentences, which wrap; figures do not.
 */
export function table(
  caption: string,
  head: readonly Content[],
  rows: readonly (readonly Content[])[],
  { prose = false }: { prose?: boolean } = {},
): Html {
  const line = ([first, ...rest]: readonly Content[]) =>
    markup`<tr><th scope="row">${first}</th>${rest.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`
  return markup`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table${
    prose && markup` class="prose"`
  }>
<caption><span>${caption}</span></caption>
<thead><tr>${head.map((cell) => markup`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>
${rows.map(line)}</tbody>
</table></div>`
}

/**
 * A whole page that loads nothing: style inside, pictures as data, all else forbidden by its own policy. No line breaks
 * between a number and its %.
 */
export function page({ title, body }: { title: string; body: Content }): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.text.replace(/(\d) %/g, '$1\u00a0%')
}
