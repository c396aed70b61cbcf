// How pages look: one column of text, tables and pictures as wide as the window, light and dark, screen and paper.

/** Colours of the pages and of the charts in them, which name them as variables. */
export const COLOURS = `:root, svg {
  --text: #1b2430; --soft: #52606f; --line: #d5dbe2; --page: #fbfbf9; --card: #ffffff; --right: #1a7340;
  --wrong: #b3261e;
  --c0: #2f5fa7; --c1: #b8541a; --c2: #6b4fa0; --c3: #2a7f86; --c4: #8a6d1b; --c5: #a33b6b;
}
@media (prefers-color-scheme: dark) { :root, svg {
  --text: #e6eaef; --soft: #a3afbc; --line: #3a444f; --page: #14181d; --card: #1c2229; --right: #6fcf97;
  --wrong: #ff8a80;
  --c0: #8ab4f8; --c1: #f5a26b; --c2: #c3a6f2; --c3: #74cfd6; --c4: #e0c468; --c5: #f29cc0;
} }
@media print { :root, svg {
  --text: #000; --soft: #333; --line: #bbb; --page: #fff; --card: #fff; --right: #1a7340; --wrong: #b3261e;
  --c0: #2f5fa7; --c1: #b8541a; --c2: #6b4fa0; --c3: #2a7f86; --c4: #8a6d1b; --c5: #a33b6b;
} }`

export const STYLE = `${COLOURS}
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 "Source Sans 3", "Segoe UI", system-ui,
  -apple-system, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 5rem; }
h1, h2, h3, h4 { line-height: 1.2; text-wrap: balance; font-weight: 650; }
h1 { font-size: clamp(1.7rem, 4vw, 2.5rem); margin: 0 0 .4rem; }
h2 { font-size: 1.45rem; margin: 3.2rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.8rem 0 .5rem; }
p, li { max-width: 46rem; }
p { margin: .6rem 0; }
main { overflow-wrap: anywhere; }
caption span { display: inline-block; max-width: min(46rem, calc(100vw - 3rem)); }
a { color: var(--c0); }
.soft, figcaption, caption { color: var(--soft); }
.notice { border-left: 4px solid var(--wrong); background: var(--card); padding: .7rem 1rem; max-width: 46rem; }
nav ol { columns: 15rem; padding-left: 1.8rem; margin: .5rem 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.2rem; }
figure { margin: 1rem 0; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; background: var(--card); border: 1px solid var(--line); }
figcaption { font-size: .9rem; margin-top: .35rem; max-width: 46rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { overflow-wrap: normal; border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: .9rem; padding-bottom: .4rem; }
th, td { padding: .32rem .9rem .32rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
tbody th { font-weight: 500; }
td { white-space: nowrap; }
.prose td { white-space: normal; overflow-wrap: anywhere; }
.prose td:nth-child(2) { min-width: clamp(7.2rem, 22vw, 17rem); overflow-wrap: normal; hyphens: auto; }
.interval { white-space: nowrap; }
pre { overflow-x: auto; font: .88rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace;
  background: var(--card);
  border: 1px solid var(--line); padding: .8rem 1rem; }
code { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .9em; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(11rem, 45%), 1fr)); gap: 1rem .8rem;
  margin: 1rem 0;
  padding: 0; list-style: none; }
.pictures figure, .maps figure { margin: 0; }
.pictures img, .maps img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain;
  background: #000; }
.pictures figcaption, .maps figcaption { font-size: .82rem; }
.sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.2rem; max-width: 46rem; }
.sides > div { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; align-content: start; }
.sides h4 { grid-column: 1 / -1; margin: 0; }
.sides img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: cover; background: #000; }
figcaption b { color: var(--text); }
.cases { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: .4rem 2rem; }
.maps { break-inside: avoid; display: grid; grid-template-columns: repeat(3, minmax(0, 11rem)); gap: .6rem;
  margin: 1rem 0; }
.maps p { grid-column: 1 / -1; margin: 0; }
.maps .seen { grid-row: span var(--maps); }
@media (max-width: 36rem) {
  td { white-space: normal; }
  .maps { grid-template-columns: repeat(2, minmax(0, 11rem)); }
  .maps .seen { grid-row: auto; grid-column: 1 / -1; max-width: 11rem; }
}
.right { color: var(--right); font-weight: 600; }
.wrong { color: var(--wrong); font-weight: 600; }
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  td, th { white-space: normal; overflow-wrap: anywhere; padding-right: .4rem; }
  .prose th:first-child { white-space: nowrap; }
  table { font-size: .85rem; }
  tr { break-inside: avoid; }
  .columns, .cases { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .columns:has(table) { grid-template-columns: 1fr; }
  .columns:has(table) figure { max-width: 50%; }
  .pictures { grid-template-columns: repeat(6, minmax(0, 1fr)); gap: .6rem; }
  nav { display: none; }
}`
