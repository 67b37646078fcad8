/** One option of `run` as it was given, on the command line or by its environment variable. */
export interface GivenOption {
  /** In camel case, such as `engineUrl`. */
  readonly name: string
  /** As it is written, such as `--engine-url`. */
  readonly flag: string
  /** Absent for options that take no value. */
  readonly value?: string
}
