// Templates of the pages: nothing that comes from a file's name can become HTML, and no page asks for anything.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { markup, page, table } from '../../src/report/html.js'

const test = suite('html')

test('what is put in is escaped, lists are joined, nothing stays of nothing', () => {
  const name = `<img src="x" onerror='1'>&`
  assert.is(
    markup`<p title="${name}">${[1, markup`<b>${name}</b>`, null, undefined, false]}</p>`.text,
    `<p title="&lt;img src=&quot;x&quot; onerror=&#39;1&#39;&gt;&amp;">` +
      `1<b>&lt;img src=&quot;x&quot; onerror=&#39;1&#39;&gt;&amp;</b></p>`,
  )
  assert.match(table('a < b', ['x'], [['1 < 2', 0]]).text, /<th scope="row">1 &lt; 2<\/th><td>0<\/td>/)
})

test('a page forbids every request by itself', () => {
  const text = page({ title: '</title>', body: markup`<h1>1</h1>` })
  assert.match(text, /Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"/)
  assert.match(text, /<title>&lt;\/title&gt;<\/title>/)
  assert.not.match(text, /(?:src|href)="(?!data:|#)|url\(|@import|<script/)
})

test.run()
