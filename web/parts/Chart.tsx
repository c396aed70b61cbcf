// A line chart by uPlot, in the page's colours, with what it shows in words for those who do not see it.
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'

export interface Line {
  label: string
  /** One value for each x; null where there is none. */
  values: (number | null)[]
  /** A custom property of the page: `--line-1`. */
  colour: string
  dashed?: boolean
  dots?: boolean
}

interface Props {
  /** What it shows, for screen readers. */
  description: string
  xLabel: string
  x: number[]
  lines: readonly Line[]
  yRange?: [number, number]
  xRange?: [number, number]
  height?: number
}

const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name)

export function Chart({ description, xLabel, x, lines, yRange, xRange, height = 220 }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | undefined>(undefined)
  const names = lines.map(({ label }) => label).join()
  const data = [x, ...lines.map(({ values }) => values)] as uPlot.AlignedData
  /** For a chart that is made again later. */
  const now = useRef({ data, xRange })
  now.current = { data, xRange }

  useEffect(() => {
    const make = () => {
      chart.current?.destroy()
      const here = place.current!
      const axis = { stroke: () => colourOf('--text'), grid: { stroke: () => colourOf('--grid-lines'), width: 1 } }
      chart.current = new uPlot(
        {
          width: here.clientWidth,
          height,
          legend: { live: false },
          cursor: { drag: { x: false, y: false } },
          scales: {
            x: { time: false, ...(xRange && { range: () => now.current.xRange! }) },
            y: { ...(yRange && { range: yRange }) },
          },
          axes: [
            { ...axis, label: xLabel, labelSize: 20 },
            { ...axis, size: 48 },
          ],
          series: [
            { label: xLabel },
            ...lines.map(({ label, colour, dashed, dots }) => ({
              label,
              stroke: () => colourOf(colour),
              width: 2,
              spanGaps: true,
              ...(dashed && { dash: [6, 4] }),
              points: { show: dots ?? false, size: 8, fill: () => colourOf(colour) },
            })),
          ],
        },
        now.current.data,
        here,
      )
    }
    const soon = setTimeout(make) // a task for each chart: two come at once
    const resized = new ResizeObserver(([{ contentRect }]) =>
      chart.current?.setSize({ width: contentRect.width, height }),
    )
    resized.observe(place.current!)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', make)
    return () => {
      clearTimeout(soon)
      resized.disconnect()
      scheme.removeEventListener('change', make)
      chart.current?.destroy()
    }
  }, [names, xLabel, height])

  useEffect(() => chart.current?.setData(data), [x, lines])

  return (
    <figure>
      <div ref={place} role="img" aria-label={description} />
    </figure>
  )
}
