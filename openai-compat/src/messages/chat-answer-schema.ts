import { z } from 'zod'

const text = z.string()
const count = z.int().min(0)

const usage = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: z.looseObject({ cached_tokens: count.nullish() }).nullish(),
  completion_tokens_details: z.looseObject({ reasoning_tokens: count.nullish() }).nullish(),
  cost: z.number().optional(),
  cost_sat: z.number().optional(),
})

/** vLLM says here which stop sequence it met, or which token. */
const stopReason = z.unknown().optional()

/** A whole chat completion, as far as a message has a place for it. */
export const chatAnswerSchema = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        message: z.looseObject({
          content: text.nullish(),
          refusal: text.nullish(),
          reasoning_content: text.nullish(),
          tool_calls: z
            .array(
              z.looseObject({
                id: text.nullish(),
                function: z.looseObject({ name: text, arguments: text.nullish() }),
              }),
            )
            .nullish(),
        }),
        finish_reason: text.nullish(),
        stop_reason: stopReason,
      }),
    )
    .min(1),
  usage: usage.nullish(),
})

/** A chunk of a streamed one. */
export const chatChunkSchema = z.looseObject({
  choices: z.array(
    z.looseObject({
      delta: z
        .looseObject({
          content: text.nullish(),
          refusal: text.nullish(),
          reasoning_content: text.nullish(),
          tool_calls: z
            .array(
              z.looseObject({
                index: count,
                id: text.nullish(),
                function: z
                  .looseObject({ name: text.nullish(), arguments: text.nullish() })
                  .nullish(),
              }),
            )
            .nullish(),
        })
        .nullish(),
      finish_reason: text.nullish(),
      stop_reason: stopReason,
    }),
  ),
  usage: usage.nullish(),
  error: z.looseObject({ message: text, type: text, code: text.nullish() }).nullish(),
})

export type ChatUsage = z.infer<typeof usage>
export type ChatDelta = NonNullable<z.infer<typeof chatChunkSchema>['choices'][number]['delta']>
export type ToolCallPiece = NonNullable<ChatDelta['tool_calls']>[number]
