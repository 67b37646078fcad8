/** 32 hex digits that name one response and everything in it; a job's id has such. */
const KEY = /^[0-9a-f]{32}$/
/** Of these, the time. */
const TIME_DIGITS = 12
const ITEM = /^(?:msg|rs|fc|fco)_([0-9a-f]{32})[0-9a-z]+$/

const PREFIX = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
} as const

/** The id of the response whose job has this id: both have the same digits. */
export function responseId(job: string): string {
  return `resp_${job.slice(job.indexOf('_') + 1)}`
}

/** The id of a response's item. `place` is unique within the response. */
export function itemId(response: string, type: keyof typeof PREFIX, place: string): string {
  return `${PREFIX[type]}_${response.slice('resp_'.length)}${place}`
}

/** The id of the response that an item of ours belongs to; undefined for ids that are not ours. */
export function responseOfItem(id: string): string | undefined {
  const key = ITEM.exec(id)?.[1]
  return key === undefined ? undefined : `resp_${key}`
}

/** Whether this can be a response of ours: nothing else needs to be looked for. */
export function isResponseId(id: string): boolean {
  return id.startsWith('resp_') && KEY.test(id.slice('resp_'.length))
}

/** When the request for it came, in ms since the epoch: ids of jobs begin with it. */
export function responseTime(id: string): number {
  return Number.parseInt(id.slice('resp_'.length, 'resp_'.length + TIME_DIGITS), 16)
}
