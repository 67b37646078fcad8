/** A command line to type, and what it is for. */
type Example = readonly [line: string, about: string]

/** Examples of commands, by their names as they are typed. */
export const EXAMPLES: ReadonlyMap<string, readonly Example[]> = new Map<
  string,
  readonly Example[]
>([
  [
    'setup',
    [
      ['infernet-agent setup', 'asks what it cannot find out'],
      [
        'infernet-agent setup --yes --edge https://edge.example.org --payout you@wallet.example',
        'asks nothing',
      ],
      ['infernet-agent setup --yes --hours 22:00-08:00,weekends', 'changes that alone'],
    ],
  ],
  [
    'run',
    [
      ['infernet-agent run', 'as setup has chosen'],
      [
        'infernet-agent run --edge https://edge.example.org --engine-url http://127.0.0.1:8000',
        'beside your vLLM',
      ],
      [
        'infernet-agent run --edge https://edge.example.org --manage llama-server --model ./model.gguf --sandbox auto',
        'starts a server, and shuts it in',
      ],
    ],
  ],
  [
    'service install',
    [
      ['sudo infernet-agent service install', 'as setup has chosen'],
      [
        'sudo infernet-agent service install --edge https://edge.example.org -- --engine-url http://127.0.0.1:8000',
        'with these options of run',
      ],
      ['infernet-agent service install --user', 'without root'],
    ],
  ],
  [
    'service unit',
    [
      ['infernet-agent service unit > infernet-agent.service', 'to look at it first'],
      ['systemd-analyze security --offline=yes ./infernet-agent.service', 'how well it is shut in'],
    ],
  ],
  [
    'status',
    [
      ['infernet-agent status --watch', 'again each second'],
      ['sudo infernet-agent status', 'of the machine’s service'],
    ],
  ],
  ['logs', [['infernet-agent logs -f --tail 10', 'the last ten lines, and what comes']]],
  ['drain', [['infernet-agent drain --wait', 'until the last job is done']]],
  [
    'earnings',
    [
      ['infernet-agent earnings', 'of the edge that the agent serves'],
      ['infernet-agent earnings --json', 'for a script'],
    ],
  ],
  [
    'doctor',
    [
      ['infernet-agent doctor', 'as setup has chosen'],
      [
        'infernet-agent doctor --edge https://edge.example.org --engine-url http://127.0.0.1:8000',
        'with the options of run',
      ],
    ],
  ],
  [
    'receipt verify',
    [['infernet-agent receipt fetch job_… | infernet-agent receipt verify -', 'one of yours']],
  ],
  [
    'upgrade',
    [
      ['infernet-agent upgrade --check', 'is there a later one?'],
      ['sudo infernet-agent upgrade', 'with the machine’s service'],
      ['infernet-agent upgrade --back', 'if you do not like it'],
    ],
  ],
  ['completion', [['source <(infernet-agent completion bash)', 'in ~/.bashrc']]],
])

/** Below the help of the program. */
export const FIRST_STEPS = `
→ infernet-agent setup             if you are new here
→ infernet-agent COMMAND --help    what a command takes`

/** Examples as a help has them, or nothing. */
export function examplesText(examples: readonly Example[]): string {
  if (examples.length === 0) return ''
  const lines = examples.map(([line, about]) => `  # ${about}\n  ${line}`)
  return `\nExamples:\n${lines.join('\n')}`
}
