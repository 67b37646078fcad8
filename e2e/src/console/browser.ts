import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import jsQR from 'jsqr'
import {
  chromium,
  type Browser,
  type BrowserContext,
  type Locator,
  type Page,
} from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'chrome']
const BLACK = [0, 0, 0, 255]
const WHITE = [255, 255, 255, 255]

/** The Chromium of this machine, from CHROMIUM or the PATH; undefined where there is none. */
export function findChromium(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const named = env['CHROMIUM']
  if (named !== undefined) return named
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path))
}

export const startBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--disable-gpu'] })

/** A page with what went wrong in it: exceptions, errors of the console, violations of its policy, requests elsewhere. */
export interface WatchedPage {
  readonly page: Page
  /** Less those that the test itself brought about. */
  faults(): string[]
  /** What a test brings about is no fault. */
  readonly excused: RegExp[]
  /** What the page asked for, `METHOD url`. */
  readonly requests: readonly string[]
}

export async function openPage(context: BrowserContext, origin: string): Promise<WatchedPage> {
  const page = await context.newPage()
  const faults: string[] = []
  const excused: RegExp[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    requests.push(`${request.method()} ${request.url()}`)
    const isOwn = request.url().startsWith(`${origin}/`) || request.url().startsWith('blob:')
    if (!isOwn) faults.push(`request: ${request.url()}`)
  })
  const isFault = (text: string): boolean => !excused.some((pattern) => pattern.test(text))
  return { page, requests, excused, faults: () => faults.filter(isFault) }
}

/** What this needs of an image in the page; this program has no types of a browser's. */
interface PageImage {
  readonly naturalWidth: number
  readonly ownerDocument: {
    createElement(name: 'canvas'): {
      width: number
      height: number
      getContext(kind: '2d'): {
        drawImage(image: PageImage, x: number, y: number, width: number, height: number): void
        getImageData(x: number, y: number, width: number, height: number): { data: Uint8Array }
      }
    }
  }
}

/** What a wallet reads of the QR code that an image shows. */
export async function readQr(image: Locator): Promise<string | undefined> {
  const { size, pixels } = await image.evaluate((node) => {
    const shown = node as unknown as PageImage
    const size = shown.naturalWidth
    const canvas = shown.ownerDocument.createElement('canvas')
    canvas.width = size
    canvas.height = size
    const context = canvas.getContext('2d')
    context.drawImage(shown, 0, 0, size, size)
    const { data } = context.getImageData(0, 0, size, size)
    // One digit for each pixel: all four numbers of each would take a minute to come here.
    const pixels = Array.from({ length: size * size }, (_, at) => (data[at * 4]! < 128 ? '0' : '1'))
    return { size, pixels: pixels.join('') }
  })
  const rgba = Uint8ClampedArray.from([...pixels].flatMap((bit) => (bit === '0' ? BLACK : WHITE)))
  return jsQR(rgba, size, size)?.data
}
