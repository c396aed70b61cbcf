// What the models say of single images: a grid of predictions, and the most confident mistakes with heat maps.
import type { Image } from '../../data/image.js'
import { placeless } from '../../explain/map.js'
import { type Html, markup } from '../html.js'
import { type Said, gridOf, saidOf } from '../results.js'
import { type FinishedRun, type ReportInput, groupsOf, shownRuns } from '../run.js'
import { fileOf, num } from '../words.js'
import { type AddressOf, picture } from './common.js'

const SAPORTA =
  'Such maps are weaker than a radiologist: in Saporta et al. (Nature Machine Intelligence 2022) saliency methods ' +
  'located pathologies on chest radiographs significantly less well than radiologists did.'

const verdict = ({ right, called, probability }: Said): Html =>
  markup`<span class="${right ? 'right' : 'wrong'}">${right ? '✓' : '✗'} ${called} ${num(probability, 2)}</span>`

export function gridSection({ runs, pictures }: ReportInput, address: AddressOf): Html {
  return markup`<p class="soft">Test images drawn at random. Green with ✓ is right, red with ✗ is wrong; the number is
the probability of the class that was called.</p>
${groupsOf(runs).map((models) => {
  const said = models.map(saidOf)
  return markup`<ul class="pictures">${gridOf(models[0]).map((i) => {
    const { file, actual } = said[0][i]
    const words = said.map((own, m) => `${models[m].name}: ${own[i].called} ${num(own[i].probability, 2)}`)
    const shown = picture(address(pictures.get(file)!), `${actual}; ${words.join('; ')}`)
    return markup`<li><figure>${shown}<figcaption>actual ${actual}${said.map(
      (own, m) => markup`<br>${models[m].name} ${verdict(own[i])}`,
    )}</figcaption></figure></li>`
  })}</ul>`
})}`
}

/** Of a map, or of the one with randomised weights. */
const onBorder = (share: number | null): string =>
  share === null ? 'the map is empty' : `${num(100 * share, 0)} % of the map on the border`

function mistake(run: FinishedRun, { index, file, actual, called, probability }: Said, address: AddressOf): Html {
  const { picture: original, maps } = run.explained.find((each) => each.index === index)!
  const over = (words: string) => `${words} for ${called} over ${fileOf(file)}`
  return markup`<div class="maps"><p><span class="wrong">✗ ${actual} called ${called}, ${num(probability)}</span>
<span class="soft">${fileOf(file)}</span></p>
<figure class="seen" style="--maps: ${maps.length}">${picture(
    address(original),
    `Radiograph of ${actual}, ${fileOf(file)}`,
  )}<figcaption>as the model sees it</figcaption></figure>
${maps.map(({ words, map, heatMap, border, randomised }) => {
  const none = placeless(map)
  const drawn = (own: Image, what: string, said: string) =>
    markup`<figure>${picture(address(own), over(what))}<figcaption>${said}</figcaption></figure>`
  const area = `which is ${num(100 * border.area, 0)} % of the area`
  const same = `the same with randomised weights`
  return markup`${drawn(heatMap, `Heat map by ${words}`, `${words}: ${none ?? `${onBorder(border.share)}, ${area}`}`)}
${drawn(
  randomised.heatMap,
  `With randomised weights, heat map by ${words}`,
  none ? same : `${same}: rank correlation ${num(randomised.correlation, 2)}, ${onBorder(randomised.borderShare)}`,
)}`
})}</div>`
}

export function mistakesSection(runs: readonly FinishedRun[], address: AddressOf): Html {
  const parts = shownRuns(runs).map((run) => {
    const said = run.explained.map(({ index }) => index).map((index) => saidOf(run)[index])
    return markup`<h3>${run.name}</h3>
<div class="cases">${run.record.classes.map((name) => {
      const own = said.filter(({ actual }) => actual === name)
      return own.length === 0
        ? markup`<p>No test image of ${name} was called anything else.</p>`
        : own.map((each) => mistake(run, each, address))
    })}</div>`
  })
  return markup`<p>The mistakes that each model was surest of, of both kinds. A map shows where the model found what
speaks for the class that it called; rollout shows where its attention went, whatever the class. Much of a map on the
border hints at a shortcut; a map that stays alike when the weights are randomised (a correlation near 1) explains
nothing of what was learned. ${SAPORTA}</p>
${parts}`
}
