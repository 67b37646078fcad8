/**
 * The data of server-sent events, as their text arrives in pieces. Comments and other fields are left out:
 * the API sends none that matter.
 */
export class EventData {
  #rest = ''
  #lines: string[] = []

  /** Returns the data of the events that are complete now. */
  take(text: string): string[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    const events: string[] = []
    for (const line of lines) {
      const field = line.replace(/\r$/, '')
      if (field.startsWith('data:')) this.#lines.push(field.slice(5).replace(/^ /, ''))
      else if (field === '' && this.#lines.length > 0) {
        events.push(this.#lines.join('\n'))
        this.#lines = []
      }
    }
    return events
  }
}
