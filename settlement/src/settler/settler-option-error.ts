/** Something that the operator has to set right before the settler can run. */
export class SettlerOptionError extends Error {
  override readonly name = 'SettlerOptionError'
  readonly code = 'bad_option'
}
