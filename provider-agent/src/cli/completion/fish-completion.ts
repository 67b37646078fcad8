import { allCommands, type CommandNode, type OptionNode, type Wants } from './command-tree.ts'

const quoted = (text: string): string => `'${text.replace(/[\\']/g, (char) => `\\${char}`)}'`

/** What fish sources to complete a program's commands and options. */
export function fishCompletion(program: CommandNode): string {
  const commands = allCommands(program)
  const places = commands.slice(1).map(({ path }) => quoted(path))
  const at = `__${program.name.replaceAll('-', '_')}_at`
  const complete = `complete -c ${program.name}`
  return `# fish completion of ${program.name}: ${program.name} completion fish | source
function ${at}
  set -l at ''
  for word in (commandline -opc)[2..]
    switch "$at/$word"
      case ${places.join(' ')}
        set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
${complete} -f
${commands.flatMap((node) => linesOf(node, `${complete} -n "${at} ${quoted(node.path)}"`)).join('\n')}
`
}

function linesOf(node: CommandNode, complete: string): string[] {
  const argument = node.argument === undefined ? [] : [`${complete} ${valueOf(node.argument)}`]
  return [
    ...node.commands.map(
      ({ description, name }) => `${complete} -a ${name} -d ${quoted(description)}`,
    ),
    ...argument,
    ...node.options.map((option) => `${complete} ${optionFlags(option)}`),
  ]
}

function optionFlags({ description, names, wants }: OptionNode): string {
  const flags = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  )
  const value = wants.kind === 'nothing' ? [] : ['-r', valueOf(wants)]
  return [...flags, ...value, '-d', quoted(description)].join(' ')
}

function valueOf(wants: Wants): string {
  if (wants.kind === 'choice') return `-f -a ${quoted(wants.choices.join(' '))}`
  return wants.kind === 'file' ? '-F' : '-f'
}
