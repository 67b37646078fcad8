import { z } from 'zod'
import { itemId } from './response-ids.ts'
import { inputItemSchema, type SpokenItem } from './responses-request-schema.ts'

/** An item as GET /v1/responses/{id}/input_items lists it: with an id, everything written out. */
export type StoredItem = SpokenItem & { readonly id: string }

/**
 * The items of a conversation as they are stored: each has an id of its own, which names the
 * response, unless the client or an earlier response gave it one.
 */
export function storedItems(response: string, items: readonly SpokenItem[]): StoredItem[] {
  const taken = new Set<string>()
  return items.map((item, i) => {
    const id = item.id && !taken.has(item.id) ? item.id : itemId(response, item.type, `i${i}`)
    taken.add(id)
    return writtenOut(item, id)
  })
}

function writtenOut(item: SpokenItem, id: string): StoredItem {
  switch (item.type) {
    case 'message': {
      const status = item.status ?? 'completed'
      return item.role === 'assistant'
        ? { ...item, id, status, content: answerParts(item.content) }
        : { ...item, id, status, content: inputParts(item.content) }
    }
    case 'function_call':
      return { ...item, id, status: item.status ?? 'completed' }
    case 'function_call_output': {
      const { output } = item
      const content = typeof output === 'string' ? output : inputParts(output)
      return { ...item, id, status: item.status ?? 'completed', output: content }
    }
    case 'reasoning':
      return { ...withoutNulls(item), id, summary: item.summary ?? [] }
  }
}

type Assistant = Extract<SpokenItem, { role: 'assistant' }>
type Parts<Content> = Exclude<Content, string>

function answerParts(content: Assistant['content']): Parts<Assistant['content']> {
  const parts =
    typeof content === 'string' ? [{ type: 'output_text' as const, text: content }] : content
  return parts.map((part) =>
    part.type === 'refusal'
      ? part
      : { annotations: [], logprobs: [], ...part, type: 'output_text' as const },
  )
}

type Asked = Extract<SpokenItem, { role: 'user' }>['content']

function inputParts(content: Asked): Parts<Asked> {
  if (typeof content === 'string') return [{ type: 'input_text', text: content }]
  return content.map((part) => {
    const kept = withoutNulls(part)
    return kept.type === 'input_image' ? { ...kept, detail: kept.detail ?? 'auto' } : kept
  })
}

/** The listed form has no nulls where a request may have them. */
function withoutNulls<T extends object>(value: T): T {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]: [string, unknown]) => field !== null),
  ) as T
}

const itemsSchema = z.array(inputItemSchema)

/**
 * Reads items back from storage. What is no item we know (any more) is an error of ours.
 *
 * @throws ZodError
 */
export function parseStoredItems(items: readonly unknown[]): SpokenItem[] {
  return itemsSchema.parse(items).filter((item) => item.type !== 'item_reference')
}

/** A stored conversation as it is listed: the items as they are, of whatever kind. */
export const listedItemsSchema = z.array(z.looseObject({ id: z.string() }))
export type ListedItem = z.infer<typeof listedItemsSchema>[number]

/** The part of a list that one request gets. */
export interface ItemPage {
  readonly data: readonly ListedItem[]
  readonly first_id: string
  readonly last_id: string
  readonly has_more: boolean
}

export interface PageQuery {
  readonly limit: number
  readonly order: 'asc' | 'desc'
  /** The last id of the page before. */
  readonly after?: string | undefined
}

/** One page of the items, newest first unless asked otherwise; undefined when `after` is none of them. */
export function pageOf(
  items: readonly ListedItem[],
  { limit, order, after }: PageQuery,
): ItemPage | undefined {
  const ordered = order === 'asc' ? items : items.toReversed()
  const before = after === undefined ? -1 : ordered.findIndex(({ id }) => id === after)
  if (after !== undefined && before === -1) return undefined
  const data = ordered.slice(before + 1, before + 1 + limit)
  return {
    data,
    first_id: data[0]?.id ?? '',
    last_id: data.at(-1)?.id ?? '',
    has_more: before + 1 + limit < ordered.length,
  }
}
