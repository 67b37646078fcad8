import { invoicePayment } from '@infernet/settlement/testing/payment-order'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MoneyClient } from '../money/money-client.ts'
import { startSettler } from '../money/settler-process.ts'
import {
  clientInvoice,
  FEE_LIMIT_MSAT,
  simulatedLightning,
  type TestLightning,
} from '../money/test-lightning.ts'
import type { Service } from '../processes.ts'
import { HOSTS, Stack, type Client } from '../stack.ts'
import { findChromium, openPage, readQr, startBrowser, type WatchedPage } from './browser.ts'

const PORTS = { node: 18_560, workerd: 18_570 } as const
const CREDIT_MSAT = '5000000'
/** Until something that the page waits for counts as vain, on a busy machine. */
const PAGE_MS = 30_000

const chromium = findChromium()

describe.skipIf(chromium === undefined).each(HOSTS)(
  'the console in a browser, %s host (needs it: apt-get install chromium)',
  (kind) => {
    let lightning: TestLightning
    let stack: Stack
    let settler: Service
    let browser: Browser
    let account: Client
    let context: BrowserContext
    let watched: WatchedPage

    beforeAll(async () => {
      lightning = await simulatedLightning()
      stack = await Stack.start(kind, PORTS[kind])
      settler = await startSettler(stack, lightning)
      await stack.startAgent('demo', 'infernet-demo', [
        '--engine',
        'tiny',
        '--price',
        'prompt=1000000,completion=1000000',
      ])
      browser = await startBrowser(chromium!)
    })
    afterAll(async () => {
      await browser?.close()
      await settler?.kill()
      await stack?.stop()
      await lightning?.stop()
    })
    beforeEach(async () => {
      account = await stack.createClient(CREDIT_MSAT)
      context = await browser.newContext({ viewport: { width: 390, height: 844 } })
      context.setDefaultTimeout(PAGE_MS)
      watched = await openPage(context, stack.url)
    })
    afterEach(async () => {
      await context.close()
      expect(watched.faults()).toEqual([])
      expect(watched.requests.join('\n')).not.toContain(account.apiKey)
    })

    const signIn = async (key = account.apiKey) => {
      const { page } = watched
      await page.goto(`${stack.url}/console`)
      await page.getByLabel('API key').fill(key)
      await page.getByRole('button', { name: 'Sign in' }).click()
      return page
    }
    const section = (name: string) => watched.page.getByRole('region', { name })
    const textOf = async (id: string) => (await watched.page.locator(`#${id}`).textContent()) ?? ''
    const pay = async (bolt11: string) => {
      const outcome = await lightning.client.pay(invoicePayment(bolt11, FEE_LIMIT_MSAT))
      expect(outcome).toMatchObject({ status: 'succeeded' })
    }

    it('tops up: an invoice to scan or to paste, paid while one looks on', async () => {
      const page = await signIn()
      await expect.poll(() => textOf('available'), { timeout: PAGE_MS }).toBe('5,000')
      // The node is known to be simulated before anything was ordered.
      await page.locator('header').getByText('SIMULATED').waitFor()

      await section('Top up').getByLabel('Amount in sat').fill('2,100')
      await section('Top up').getByRole('button', { name: 'Make invoice' }).click()
      await section('Top up').getByText('Waiting for your payment.').waitFor()
      const bolt11 = await section('Top up').getByLabel('Lightning invoice').inputValue()
      expect(bolt11).toMatch(/^lnbcrt21u1/)
      expect(await textOf('pay-command')).toBe(`npm run pay -- ${bolt11}`)
      expect(await textOf('invoice-left')).toMatch(/^(60:00|59:\d\d)$/)
      const qr = page.getByRole('img', { name: 'QR code of the invoice' })
      await expect
        .poll(() => qr.evaluate((image) => image.getAttribute('src')?.length ?? 0), {
          timeout: PAGE_MS,
        })
        .toBeGreaterThan(0)
      expect(await readQr(qr)).toBe(`LIGHTNING:${bolt11.toUpperCase()}`)

      const loads = watched.requests.filter((request) => request.endsWith('/console')).length
      await pay(bolt11)
      await section('Top up').getByText('Paid. 2,100 sat were added to your balance.').waitFor()
      await expect.poll(() => textOf('available'), { timeout: PAGE_MS }).toBe('7,100')
      await section('Top up')
        .getByRole('listitem')
        .filter({ hasText: '2,100 sat' })
        .filter({ hasText: 'paid' })
        .waitFor()
      expect(await qr.isVisible()).toBe(false)
      // It heard of it by events, in the page that was there.
      expect(watched.requests.filter((request) => request.endsWith('/events'))).toHaveLength(1)
      expect(watched.requests.filter((request) => request.endsWith('/console'))).toHaveLength(loads)
    })

    it('hears of the payment also where events do not come through', async () => {
      await context.route('**/events', (route) => route.abort())
      watched.excused.push(/net::ERR_FAILED/)
      await signIn()
      await section('Top up').getByRole('button', { name: '10,000', exact: true }).click()
      await section('Top up').getByRole('button', { name: 'Make invoice' }).click()
      await section('Top up').getByText('Waiting for your payment.').waitFor()
      await pay(await section('Top up').getByLabel('Lightning invoice').inputValue())
      await section('Top up').getByText('Paid. 10,000 sat').waitFor()
    })

    it('withdraws to an invoice, and says what does not work', async () => {
      await signIn()
      const form = section('Withdraw')
      await form.getByLabel('Lightning address or invoice').fill('nonsense')
      await form.getByRole('button', { name: 'Withdraw' }).click()
      await form.getByText('Paste a Lightning address').waitFor()

      const invoice = await clientInvoice(lightning, 1_500_000n)
      await form.getByLabel('Lightning address or invoice').fill(`lightning:${invoice}`)
      expect(await form.getByLabel('Amount in sat').isVisible()).toBe(false)
      await form.getByRole('button', { name: 'Withdraw' }).click()
      await form.getByText(/^1,500 sat were paid\. Routing cost/).waitFor()
      await expect
        .poll(async () => Number((await textOf('available')).replaceAll(',', '')), {
          timeout: PAGE_MS,
        })
        .toBeLessThanOrEqual(3_500)
      await form.getByRole('listitem').filter({ hasText: 'succeeded' }).waitFor()
      expect(await textOf('withdraw-error')).toBe('')
    })

    it('shows what was used, at what price, and how to use the key', async () => {
      const answer = await new MoneyClient(stack, account.apiKey).chat('Hello!')
      expect(answer.status).toBe(200)
      const page = await signIn()
      await section('Usage')
        .getByText(/^[\d.,]+ sat for 1 requests and \d+ tokens\.$/)
        .waitFor()
      expect(
        await section('Usage')
          .getByRole('img', { name: /^Cost by day: / })
          .locator('rect')
          .count(),
      ).toBe(30)
      await section('Usage').getByRole('rowheader', { name: 'infernet-demo' }).waitFor()
      const price = section('Models and prices').getByRole('row', { name: /infernet-demo/ })
      expect(await price.innerText()).toMatch(/\t1,000\t1,000$/)
      expect(await textOf('base-url')).toBe(`${stack.url}/v1`)
      expect(await textOf('curl')).toContain('"model":"infernet-demo"')
      expect(await page.locator('#signed-in').innerText()).not.toContain(account.apiKey)
    })

    it('says what is wrong with a key, and keeps a good one for the tab only', async () => {
      // A browser writes each refusal to its console by itself, and each request that fails.
      watched.excused.push(/status of 401/)
      const page = await signIn(`sk-inf-0123456789abcdef-${'A'.repeat(43)}`)
      await page.getByRole('alert').filter({ hasText: 'This key is not known here.' }).waitFor()
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0)

      await page.getByLabel('API key').fill(` ${account.apiKey}\n`)
      await page.keyboard.press('Enter')
      await section('Balance').waitFor()
      expect(await context.cookies()).toEqual([])
      expect(await page.evaluate(() => localStorage.length)).toBe(0)
      await page.reload()
      await section('Balance').waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('API key').waitFor()
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
      const other = await openPage(context, stack.url)
      await other.page.goto(`${stack.url}/console`)
      await other.page.getByLabel('API key').waitFor()
      expect(other.faults()).toEqual([])
    })

    it('fits a phone, in the dark too', async () => {
      const page = await signIn()
      await section('Top up').getByRole('button', { name: 'Make invoice' }).click()
      await section('Top up').getByText('Waiting for your payment.').waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const wider = await page
          .locator('html')
          .evaluate((html) => html.scrollWidth - html.clientWidth)
        expect(wider).toBeLessThanOrEqual(0)
      }
    })
  },
)
