// The bytes of a JPEG or PNG file to a tensor [1, H, W, 3] as models want it: decoded, upright, resized, normalised.
import { readFile } from 'node:fs/promises'
import { F, decodeImage, init, tensor, transforms } from 'radiograd'

const file = process.argv[2] ?? 'radiograph.jpeg'
const bytes = new Uint8Array(await readFile(file)) // in a page: new Uint8Array(await blob.arrayBuffer())

const { host } = transforms.compose([transforms.Resize([64, 64]), transforms.ToTensor()])
const image = transforms.applyHost(await decodeImage(bytes, file), host)

const engine = await init()
const [mean, std] = [tensor([0.485, 0.456, 0.406]), tensor([0.229, 0.224, 0.225])]
const levels = F.cast(tensor(image.data, [1, image.height, image.width, 3]), 'f32')
const x = F.div(F.sub(F.div(levels, 255), mean), std)
console.log(String(x), `mean ${(await F.mean(x).item()).toFixed(4)}`)
engine.dispose()
