import { announce, element } from './dom.ts'

const SAID_MS = 1_500

/** Every `data-copy` button copies the text of the element that it names. */
export function enableCopying(): void {
  for (const copy of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) {
    copy.addEventListener('click', () => void copyFrom(copy))
  }
}

async function copyFrom(copy: HTMLButtonElement): Promise<void> {
  const source = element(copy.dataset['copy'] ?? '')
  const isField = source instanceof HTMLTextAreaElement
  try {
    await navigator.clipboard.writeText(isField ? source.value : source.textContent)
    copy.textContent = 'Copied'
    announce('Copied')
  } catch {
    // Browsers give the clipboard to safe origins only: one key is left to press.
    if (isField) source.select()
    else getSelection()?.selectAllChildren(source)
    copy.textContent = 'Selected'
    announce('The text is selected: copy it with your keyboard')
  }
  setTimeout(() => (copy.textContent = 'Copy'), SAID_MS)
}
