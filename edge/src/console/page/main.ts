import { Api } from './api.ts'
import { explain, isFinal } from './api-problem.ts'
import { balanceCard } from './balance-card.ts'
import { enableCopying } from './copy-buttons.ts'
import { announce, button, form, input, setText, show } from './dom.ts'
import { modelsCard } from './models-card.ts'
import { keptKey, type Card, type Session } from './session.ts'
import { topUpCard } from './top-up-card.ts'
import { usageCard } from './usage-card.ts'
import { withdrawCard } from './withdraw-card.ts'

/** How often a page that somebody looks at asks anew. */
const REFRESH_MS = 20_000

/** What ends when somebody signs out. */
let signedIn = new AbortController()

/** Throws ApiProblem when the key is refused. */
async function signIn(key: string): Promise<void> {
  const signed = new AbortController()
  const api = new Api(key, signed.signal)
  const { id } = await api.keyInfo()
  keptKey.set(key)
  signedIn = signed
  setText('key-name', id)
  show('signed-out', false)
  show('signed-in', true)
  show('sign-out', true)
  startCards(api)
}

const refreshAll = (cards: readonly Card[]): void => cards.forEach((card) => void card.refresh())

function startCards(api: Api): void {
  const session: Session = { api, moneyMoved: () => refreshAll(money) }
  const money = [balanceCard(session), topUpCard(session), withdrawCard(session)]
  const cards = [...money, usageCard(session), modelsCard(session)]
  const refresh = (): void => {
    if (document.visibilityState === 'visible') refreshAll(cards)
  }
  refreshAll(cards)
  const { signal } = api
  document.addEventListener('visibilitychange', refresh, { signal })
  const timer = setInterval(refresh, REFRESH_MS)
  signal.addEventListener('abort', () => clearInterval(timer))
}

/** Nothing of the account stays in the page: it is loaded anew. */
function signOut(): void {
  signedIn.abort()
  keptKey.forget()
  location.reload()
}

function showSignIn(): void {
  show('signed-out', true)
  input('key').focus()
}

async function submitKey(): Promise<void> {
  const key = input('key').value.trim()
  setText('sign-in-error', '')
  button('sign-in-button').disabled = true
  try {
    await signIn(key)
    input('key').value = ''
    announce('Signed in')
  } catch (error) {
    setText('sign-in-error', explain(error))
    input('key').focus()
  } finally {
    button('sign-in-button').disabled = false
  }
}

/** After a reload the tab still has its key. */
async function start(): Promise<void> {
  enableCopying()
  button('sign-out').addEventListener('click', signOut)
  form('sign-in').addEventListener('submit', (event) => {
    event.preventDefault()
    void submitKey()
  })
  const key = keptKey.get()
  if (key === null) return showSignIn()
  try {
    await signIn(key)
  } catch (error) {
    if (isFinal(error)) keptKey.forget()
    setText('sign-in-error', explain(error))
    showSignIn()
  }
}

void start()
