/** A reader of Prometheus' text format that shares nothing with the writer. */

export interface ReadSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ReadFamily {
  readonly type: string
  readonly help: string
  readonly samples: ReadSample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const SUFFIXES = ['', '_bucket', '_sum', '_count']

/** Families by name. Throws where the text is not as Prometheus wants it. */
export function readMetrics(text: string): Map<string, ReadFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, ReadFamily>()
  let help: readonly [string, string] = ['', '']
  let current = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const [hash, word, name = '', ...rest] = line.split(' ')
    if (hash === '#' && word === 'HELP') help = [name, rest.join(' ')]
    else if (hash === '#' && word === 'TYPE') {
      if (help[0] !== name || families.has(name)) throw new Error(`TYPE ${name} is out of place`)
      if (!['counter', 'gauge', 'histogram'].includes(rest.join(' '))) throw new Error(line)
      families.set(name, { type: rest.join(' '), help: help[1], samples: [] })
      current = name
    } else {
      const sample = readSample(line)
      const family = families.get(current)
      const isOfIt = SUFFIXES.some((suffix) => sample.name === current + suffix)
      if (family === undefined || !isOfIt) throw new Error(`'${line}' is out of place`)
      family.samples.push(sample)
    }
  }
  return families
}

function readSample(line: string): ReadSample {
  const name = NAME.exec(line)?.[0]
  if (name === undefined) throw new Error(`'${line}' has no name`)
  const labels: Record<string, string> = {}
  let at = name.length
  if (line[at] === '{') {
    do {
      const label = NAME.exec(line.slice(++at))?.[0]
      if (label === undefined || label in labels) throw new Error(`'${line}' has a bad label`)
      at += label.length
      if (line.slice(at, at + 2) !== '="') throw new Error(`'${line}' has a label without a value`)
      const [value, end] = quoted(line, at + 2)
      labels[label] = value
      at = end
    } while (line[at] === ',')
    if (line[at++] !== '}') throw new Error(`'${line}' does not close its labels`)
  }
  const number = line.slice(at)
  if (!/^ -?(\d+(\.\d+)?(e[+-]?\d+)?)$/.test(number)) throw new Error(`'${line}' has no number`)
  return { name, labels, value: Number(number) }
}

/** The text from `at` to its closing quote, and the place after that. */
function quoted(line: string, at: number): [string, number] {
  let value = ''
  for (let i = at; i < line.length; i++) {
    const char = line[i]
    if (char === '"') return [value, i + 1]
    if (char !== '\\') value += char
    else {
      const escaped = line[++i]
      if (escaped !== '\\' && escaped !== '"' && escaped !== 'n') throw new Error('a bad escape')
      value += escaped === 'n' ? '\n' : escaped
    }
  }
  throw new Error(`'${line}' does not close its quote`)
}

/** The value of the one sample with this name and just these labels. */
export function valueOf(
  families: ReadonlyMap<string, ReadFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const wanted = JSON.stringify(Object.entries(labels).toSorted())
  const found = [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter(
      (sample) =>
        sample.name === name && JSON.stringify(Object.entries(sample.labels).toSorted()) === wanted,
    )
  if (found.length !== 1) throw new Error(`${found.length} samples ${name} ${wanted}`)
  return found[0]?.value ?? Number.NaN
}
