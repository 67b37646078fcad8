import { quoted } from '../../doctor/shell-word.ts'
import { allCommands, type CommandNode } from './command-tree.ts'

/**
 * What bash sources to complete a program's commands and options. Of the words before the cursor those count
 * that name a command below the last one.
 */
export function bashCompletion(program: CommandNode): string {
  const commands = allCommands(program)
  const places = commands.slice(1).map(({ path }) => quoted(path))
  const name = `_${program.name.replaceAll('-', '_')}`
  return `# bash completion of ${program.name}: source <(${program.name} completion bash)
${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" at='' words='' i
  # Readline takes --role=verifier for three words.
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' ]]; then
    prev="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${places.join(' | ')}) at="$at/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$at" in
${commands.map(wordCase).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F ${name} ${program.name}
`
}

function valueCases(node: CommandNode): string[] {
  return node.options.flatMap(({ names, wants }) => {
    if (wants.kind === 'nothing') return []
    const patterns = names.map((name) => quoted(`${node.path} ${name}`)).join(' | ')
    return [`    ${patterns}) ${valueOf(wants)} ;;`]
  })
}

function valueOf(wants: CommandNode['options'][number]['wants']): string {
  switch (wants.kind) {
    case 'choice':
      return `COMPREPLY=($(compgen -W ${quoted(wants.choices.join(' '))} -- "$cur")); return`
    case 'file':
      // Readline's own completion, which knows how to quote.
      return 'return'
    default:
      return 'compopt +o default 2>/dev/null; return'
  }
}

function wordCase(node: CommandNode): string {
  const options = node.options.flatMap(({ names }) => names).join(' ')
  const { argument } = node
  const others =
    argument?.kind === 'choice'
      ? argument.choices.join(' ')
      : node.commands.map(({ name }) => name).join(' ')
  const all = [others, options].filter((part) => part !== '').join(' ')
  if (argument === undefined || argument.kind === 'choice') {
    return `    ${quoted(node.path)}) words=${quoted(all)} ;;`
  }
  return `    ${quoted(node.path)}) [[ $cur == -* ]] || return; words=${quoted(options)} ;;`
}
