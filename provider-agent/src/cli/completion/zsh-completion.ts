import { quoted } from '../../doctor/shell-word.ts'
import { allCommands, type CommandNode, type OptionNode, type Wants } from './command-tree.ts'

/** As `_describe` wants it: a colon ends the word. */
const described = (name: string, description: string): string =>
  quoted(`${name.replaceAll(':', '\\:')}:${description}`)

/** What zsh loads to complete a program's commands and options, from a file or by `source`. */
export function zshCompletion(program: CommandNode): string {
  const commands = allCommands(program)
  const places = commands.slice(1).map(({ path }) => quoted(path))
  const name = `_${program.name}`
  return `#compdef ${program.name}
# zsh completion of ${program.name}: source <(${program.name} completion zsh)
${name}() {
  local at='' prev="$words[CURRENT-1]" i
  local -a items
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/$words[i]" in
      ${places.map((place) => `(${place})`).join(' | ')}) at="$at/$words[i]" ;;
    esac
  done
  case "$at $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$at" in
${commands.map(placeCase).join('\n')}
  esac
}
if [[ $funcstack[1] == ${name} ]]; then
  ${name} "$@"
else
  compdef ${name} ${program.name}
fi
`
}

function valueCases(node: CommandNode): string[] {
  return node.options.flatMap(({ names, wants }) => {
    if (wants.kind === 'nothing') return []
    const patterns = names.map((name) => `(${quoted(`${node.path} ${name}`)})`).join(' | ')
    return [`    ${patterns}) ${valueOf(wants)}; return ;;`]
  })
}

function valueOf(wants: Wants): string {
  if (wants.kind === 'choice') return `compadd -- ${wants.choices.map(quoted).join(' ')}`
  return wants.kind === 'file' ? '_files' : `_message 'a value'`
}

function placeCase(node: CommandNode): string {
  const options = node.options.flatMap(optionItems).join(' ')
  const commands = node.commands.map(({ description, name }) => described(name, description))
  const { argument } = node
  const lines = [
    ...(commands.length === 0 ? [] : [`items=(${commands.join(' ')})`, `_describe command items`]),
    ...(argument === undefined ? [] : [valueOf(argument)]),
    `items=(${options})`,
    `_describe option items`,
  ]
  return `    (${quoted(node.path)})\n${lines.map((line) => `      ${line}`).join('\n')}\n      ;;`
}

const optionItems = ({ description, names }: OptionNode): string[] =>
  names.map((name) => described(name, description))
