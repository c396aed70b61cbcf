// A trained model behind HTTP: `curl --data-binary @image.jpeg http://localhost:8080` answers class and probability.
// One request computes at a time, as there is one GPU; what cannot be decoded is answered with 400 and the reason.
import { createServer } from 'node:http'
import { F, type Tensor, decodeImage, init, noGrad, openModel, pipeline, tensor, transforms } from 'radiograd'

const [checkpoint = 'best.safetensors', port = '8080'] = process.argv.slice(2)
const engine = await init()
const { model, card } = await openModel(checkpoint)
const { host } = pipeline(card)
const [mean, std] = [tensor([...card.mean]), tensor([...card.std])]

const infer = engine.capture(({ image }: { image: Tensor }) =>
  noGrad(() => {
    const x = F.div(F.sub(F.div(F.cast(image, 'f32'), 255), mean), std)
    return F.softmax(model.forward(x), { dim: -1 })
  }),
)

async function classify(bytes: Uint8Array): Promise<Record<string, number>> {
  const { data, height, width } = transforms.applyHost(await decodeImage(bytes, 'image'), host)
  const image = tensor(data, [1, height, width, 3])
  const result = await infer({ image })
  const probabilities = await result.data('f32')
  image.dispose()
  result.dispose()
  return Object.fromEntries(card.classes.map((name, i) => [name, probabilities[i]!]))
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  try {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(await classify(new Uint8Array(Buffer.concat(chunks)))))
  } catch (error) {
    response.writeHead(400).end(JSON.stringify({ error: (error as Error).message }))
  }
})
server.listen(Number(port), 'localhost', () => {
  const address = server.address()
  console.log(`listening on http://localhost:${typeof address === 'object' ? address?.port : address}`)
})
process.once('SIGTERM', () => {
  server.close()
  engine.dispose()
})
