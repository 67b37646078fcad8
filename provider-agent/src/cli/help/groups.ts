/** What stands together in a help, under its heading; in the order of the help. */
export type Groups = readonly (readonly [heading: string, names: readonly string[]])[]

/** The commands of the program, by what their owner wants. */
export const COMMAND_GROUPS: Groups = [
  ['Begin:', ['setup', 'run', 'service']],
  ['How it goes:', ['status', 'earnings', 'models', 'logs']],
  ['When something is wrong:', ['doctor', 'hardware', 'debug']],
  ['Stop, and renew:', ['drain', 'upgrade']],
  ['Keys and proofs:', ['keys', 'receipt', 'slash', 'calibrate']],
  ['More:', ['completion', 'version', 'help']],
]

/** Where an option stands that no group names. */
export const OTHER_OPTIONS = 'Options:'

/** The options of `run`, and of the commands that take them too, by their long names. */
export const OPTION_GROUPS: Groups = [
  [OTHER_OPTIONS, []],
  [
    'What answers:',
    ['engine-url', 'engine-key', 'model', 'engine', 'slots', 'context', 'threads', 'no-gpu'],
  ],
  [
    'A server that the agent starts itself:',
    ['manage', 'engine-program', 'engine-arg', 'gpu-memory-utilization', 'skip-memory-check'],
  ],
  [
    'The sandbox of such a server:',
    [
      'sandbox',
      'sandbox-runtime',
      'sandbox-memory',
      'sandbox-pids',
      'sandbox-cpus',
      'sandbox-read',
    ],
  ],
  [
    'Price and payouts:',
    ['price', 'payout', 'payout-when', 'payout-threshold-sat', 'lnd', 'lnd-cert', 'lnd-macaroon'],
  ],
  [
    'When the machine is yours:',
    ['hours', 'max-temp', 'max-watts', 'keep-vram', 'pause-when-busy', 'keep-loaded'],
  ],
  [
    'What is said of the models, and of the machine:',
    ['capabilities', 'endpoints', 'quantization', 'data-collection', 'no-hardware'],
  ],
  [
    'What their answers are audited by:',
    [
      'spec-weights',
      'spec-backend',
      'spec-quantization',
      'spec-kv',
      'spec-template',
      'spec-defaults',
    ],
  ],
]

/** The place of a heading among others, to sort by; those that are not named come first. */
export const placeOf = (groups: Groups, heading: string): number =>
  groups.findIndex(([one]) => one === heading)

/** The heading that `name` stands under, if one does. */
export const headingOf = (groups: Groups, name: string): string | undefined =>
  groups.find(([, names]) => names.includes(name))?.[0]
