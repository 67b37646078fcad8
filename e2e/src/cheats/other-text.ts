import { writing, type Cheat } from './cheat.ts'

/** Shows the ids of an honest answer, and gives its client another text: vowels are left out. */
export const otherText: Cheat = (honest) => ({
  begin: (request, sink) => honest.begin(request, writing(sink, withoutVowels)),
})

const withoutVowels = (text: string): string =>
  text.replace(
    /"(content|text)":("(?:[^"\\]|\\.)*")/g,
    (_, field: string, quoted: string) =>
      `"${field}":${JSON.stringify(String(JSON.parse(quoted)).replace(/[aeiou]/g, ''))}`,
  )
