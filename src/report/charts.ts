// The charts of a report as SVG texts: Observable Plot on linkedom. The build packs both into this one file, which
// loads only when a report is written: an installed package needs neither. Colours are the pages' variables, so that a
// chart is right in light, in dark and on paper.
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { markup } from './html.js'
import { COLOURS } from './style.js'

/** A text alternative: what a chart is, and what it says. */
export interface Described {
  title: string
  description: string
}

export interface Line {
  name: string
  points: readonly (readonly [x: number, y: number])[]
  /** Which of the pages' colours. */
  colour: number
  dashed?: boolean
  dots?: boolean
  /** A point to be marked by a ring. */
  mark?: readonly [x: number, y: number] | null
}

interface Axis {
  label: string
  domain?: [number, number]
  /** Whole numbers only. */
  whole?: boolean
}

export interface LineChart extends Described {
  lines: readonly Line[]
  x: Axis
  y: Axis
  /** What a coin, or a perfect model, would give. */
  reference?: readonly (readonly [x: number, y: number])[]
}

const { document } = parseHTML('<html><body></body></html>')
const colourOf = (index: number) => `var(--c${index % 6})`
const FONT = '"Source Sans 3", "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif'
const COMMON = {
  document: document as unknown as Document,
  style: { background: 'var(--card)', color: 'var(--text)', fontFamily: FONT, fontSize: '14px' },
  grid: true,
} satisfies Plot.PlotOptions

/** Plot's picture with its text alternative, and with the colours where it stands alone. */
function svg({ title, description }: Described, options: Plot.PlotOptions): string {
  const figure = Plot.plot({ ...COMMON, ...options })
  for (const child of [...figure.querySelectorAll('[aria-label]')]) child.removeAttribute('aria-label')
  // By hand: the serialiser leaves < in attributes, which a file of its own must not have.
  const head = markup`<svg role="img" aria-label="${title}. ${description}" `.text
  return figure.outerHTML.replace(/^<svg (?:xmlns="[^"]*" )?/, `${head}xmlns="http://www.w3.org/2000/svg" `)
}

/** A chart as a file of its own. */
export const asFile = (chart: string): string => chart.replace('<style>', `<style>${COLOURS}\n`)

/** Lines over two axes, with their names below, where no line runs. */
export function lineChart({ title, description, lines, x, y, reference }: LineChart): string {
  const points = lines.flatMap((line) => line.points.map(([a, b]) => ({ a, b, line })))
  const ticks = x.whole ? [...new Set(points.map(({ a }) => a))] : undefined
  return svg(
    { title, description },
    {
      width: 520,
      height: 390 + 19 * lines.length,
      marginLeft: 60,
      marginBottom: 52 + 19 * lines.length,
      marginTop: 30,
      marginRight: 24,
      x: { label: x.label, domain: x.domain, ...(ticks && ticks.length <= 20 ? { ticks, tickFormat: 'd' } : {}) },
      y: { label: y.label, domain: y.domain, nice: !y.domain },
      marks: [
        Plot.frame({ stroke: 'var(--line)' }),
        ...(reference ? [Plot.line(reference, { stroke: 'var(--soft)', strokeDasharray: '2 4' })] : []),
        ...lines.map(({ points: own, colour, dashed }) =>
          Plot.line(own, {
            stroke: colourOf(colour),
            strokeWidth: 2,
            strokeDasharray: dashed ? '6 4' : undefined,
            strokeLinejoin: 'round',
          }),
        ),
        ...lines.flatMap(({ points: own, colour, dots }) =>
          dots ? [Plot.dot(own, { fill: colourOf(colour), r: 3.5 })] : [],
        ),
        ...lines.flatMap(({ mark, colour }) =>
          mark ? [Plot.dot([mark], { stroke: colourOf(colour), fill: 'var(--card)', strokeWidth: 2.5, r: 6 })] : [],
        ),
        ...lines.map(({ name, colour, dashed }, i) =>
          Plot.text([`${dashed ? '- - ' : '— '}${name}`], {
            fill: colourOf(colour),
            frameAnchor: 'bottom-left',
            dy: 46 + 19 * i,
            fontWeight: 600,
          }),
        ),
      ],
    },
  )
}

export interface Bars extends Described {
  /** One bar each, in groups. */
  bars: readonly { group: string; name: string; value: number; colour: number }[]
  label: string
}

/** Horizontal bars with their values, a block for each group. */
export function barChart({ title, description, bars, label }: Bars): string {
  const groups = new Set(bars.map((bar) => bar.group)).size
  const most = Math.max(...bars.map((bar) => bar.value), 1)
  const longest = Math.max(...bars.map((bar) => bar.name.length))
  return svg(
    { title, description },
    {
      width: 520,
      height: 46 + bars.length * 26 + groups * 14,
      marginLeft: Math.min(40 + 7.6 * longest, 190),
      marginRight: 70,
      marginBottom: 36,
      x: { label, domain: [0, 1.15 * most], grid: true, ticks: 4 },
      y: { label: null, domain: [...new Set(bars.map((bar) => bar.name))] },
      fy: { label: null, domain: [...new Set(bars.map((bar) => bar.group))] },
      marks: [
        Plot.barX(bars, { x: 'value', y: 'name', fy: 'group', fill: (bar) => colourOf(bar.colour) }),
        Plot.text(bars, {
          x: 'value',
          y: 'name',
          fy: 'group',
          text: (bar) => bar.value.toLocaleString('en'),
          textAnchor: 'start',
          dx: 5,
        }),
      ],
    },
  )
}

export interface Matrix extends Described {
  classes: readonly string[]
  /** [actual][called] */
  counts: readonly (readonly number[])[]
}

/** A confusion matrix: counts and their share of the row. */
export function matrixChart({ title, description, classes, counts }: Matrix): string {
  const cells = counts.flatMap((row, actual) => {
    const all = row.reduce((a, b) => a + b, 0)
    return row.map((count, called) => ({
      actual: classes[actual],
      called: classes[called],
      count,
      share: all ? count / all : 0,
      right: actual === called,
    }))
  })
  const size = Math.max(130, Math.min(150, 420 / classes.length))
  const short = (name: string) => (name.length > 14 ? `${name.slice(0, 13)}…` : name)
  return svg(
    { title, description },
    {
      width: 130 + size * classes.length,
      height: 60 + 0.72 * size * classes.length,
      marginLeft: 122,
      marginTop: 52,
      marginBottom: 8,
      marginRight: 8,
      grid: false,
      x: { label: 'called', axis: 'top', domain: [...classes], tickFormat: short, tickSize: 0 },
      y: { label: 'actual', domain: [...classes], tickFormat: short, tickSize: 0 },
      marks: [
        Plot.cell(cells, {
          x: 'called',
          y: 'actual',
          fill: (cell) => (cell.right ? 'var(--right)' : 'var(--wrong)'),
          fillOpacity: (cell) => 0.06 + 0.3 * cell.share,
          stroke: 'var(--line)',
          inset: 2,
        }),
        Plot.text(cells, {
          x: 'called',
          y: 'actual',
          text: (c) => String(c.count),
          fontSize: 24,
          fontWeight: 600,
          dy: -7,
        }),
        Plot.text(cells, {
          x: 'called',
          y: 'actual',
          text: (c) => `${(100 * c.share).toFixed(1)} %`,
          fontSize: 13,
          dy: 16,
        }),
      ],
    },
  )
}
