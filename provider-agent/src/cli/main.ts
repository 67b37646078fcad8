#!/usr/bin/env node
import { fstatSync } from 'node:fs'
import { commandAt, endOf, wantsJson } from './end-of.ts'
import { withoutVainHelp, wordsOf } from './help/typed-words.ts'
import { isJournal, journalText } from './journal-lines.ts'
import { outliveOutput } from './lost-output.ts'
import { programWith } from './program.ts'

const words = wordsOf(process.argv.slice(2))
const [asked = ''] = words
const program = await programWith(asked)

const output = outliveOutput()
try {
  await program.parseAsync(withoutVainHelp(program, words), { from: 'user' })
  // What an agent prints is its log, and not what it is asked for.
  if (asked !== 'run') await output.taken()
} catch (error) {
  const { exitCode, text } = endOf(error, commandAt(program, words), wantsJson(words))
  const inJournal = isJournal(process.env['JOURNAL_STREAM'], fstatSync, process.stderr.fd)
  if (text !== undefined) console.error(inJournal ? journalText(text, 3) : text)
  process.exitCode = exitCode
}
process.exit()
