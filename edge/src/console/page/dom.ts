/** The element of that id, which the page has. */
export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new TypeError(`no ${kind.name} is called ${id}`)
  return found
}

export const element = (id: string): HTMLElement => byId(id, HTMLElement)
export const button = (id: string): HTMLButtonElement => byId(id, HTMLButtonElement)
export const input = (id: string): HTMLInputElement => byId(id, HTMLInputElement)
export const form = (id: string): HTMLFormElement => byId(id, HTMLFormElement)

export const setText = (id: string, text: string): void => {
  const target = element(id)
  // A live region is read out again when it is written again.
  if (target.textContent !== text) target.textContent = text
}

export const show = (id: string, shown: boolean): void => {
  element(id).hidden = !shown
}

/** A new element with texts or elements in it; texts are never read as HTML. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  ...content: readonly (string | Node)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  made.append(...content)
  return made
}

/** A row of a table, named by its first cell. */
export function tableRow(name: string, ...cells: readonly string[]): HTMLTableRowElement {
  const heading = make('th', name)
  heading.scope = 'row'
  return make('tr', heading, ...cells.map((cell) => make('td', cell)))
}

/** A moment as people write it. `at` in Unix seconds. */
export function moment(at: number): HTMLTimeElement {
  const date = new Date(at * 1000)
  const made = make('time', date.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }))
  made.dateTime = date.toISOString()
  return made
}

/** Says something to those who do not see it. */
export const announce = (text: string): void => setText('announced', text)
