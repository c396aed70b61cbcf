// What the parts of a report's page share.
import type { Image } from '../../data/image.js'
import type { Chart } from '../figures.js'
import { type Content, Html, markup } from '../html.js'

/** One part of the page. */
export interface Section {
  id: string
  heading: string
  body: Content
}

/** The address of a picture inside the page. */
export type AddressOf = (image: Image) => string

export const NO_DEVICE =
  'This is no medical device. The models are for research; nothing here was validated for clinical use, and no ' +
  'decision about a patient may rest on it.'

export const chartFigure = ({ svg, title, description }: Chart): Html =>
  markup`<figure>${new Html(svg)}<figcaption><b>${title}.</b> ${description}</figcaption></figure>`

export const picture = (address: string, alt: string): Html => markup`<img src="${address}" alt="${alt}">`
