// Pictures: files made small when they come into view, and the library's own RGB bytes.
import { useEffect, useRef } from 'preact/hooks'
import type { Image } from '../../src/data/image.js'

/** A file, decoded beside the page's thread, and only when it is nearly in view. */
export function Thumbnail({ blob, side = 160 }: { blob: Blob; side?: number }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const here = canvas.current!
    let gone = false
    const watch = new IntersectionObserver(
      async ([entry]) => {
        if (!entry.isIntersecting) return
        watch.disconnect()
        const picture = await createImageBitmap(blob, { resizeWidth: side, resizeQuality: 'medium' }).catch(() => null)
        if (!picture || gone) return picture?.close()
        here.classList.remove('coming')
        here.width = picture.width
        here.height = picture.height
        here.getContext('bitmaprenderer')!.transferFromImageBitmap(picture)
      },
      { rootMargin: '300px' },
    )
    watch.observe(here)
    return () => {
      gone = true
      watch.disconnect()
    }
  }, [blob])
  return <canvas ref={canvas} class="coming" width={side} height={side} aria-hidden="true" />
}

/** A picture as the library has it, [height, width, 3]. */
export function Pixels({ image, description }: { image: Image; description: string }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const { width, height, data } = image
    const pixels = new ImageData(width, height)
    for (let i = 0; i < width * height; i++) {
      pixels.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i)
      pixels.data[4 * i + 3] = 255
    }
    canvas.current!.getContext('2d')!.putImageData(pixels, 0, 0)
  }, [image])
  return <canvas ref={canvas} width={image.width} height={image.height} role="img" aria-label={description} />
}
