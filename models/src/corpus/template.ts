/**
 * The demo model's chat template: ChatML, tools listed in the system message and calls in
 * `<tool_call>` tags as Hermes models write them. Content may be text or OpenAI's list of parts.
 */
export const CHAT_TEMPLATE = `{%- macro text(content) -%}
{%- if content is string -%}{{ content }}
{%- elif content -%}{%- for part in content -%}{%- if part.type == 'text' -%}{{ part.text }}{%- endif -%}{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- set opening = messages[0] if messages and messages[0].role in ['system', 'developer'] else none -%}
{%- if opening or tools -%}
{{- '<|im_start|>system\\n' -}}
{%- if opening -%}{{- text(opening.content) -}}{%- endif -%}
{%- if opening and tools -%}{{- '\\n\\n' -}}{%- endif -%}
{%- if tools -%}
{{- 'You can call these tools:\\n<tools>' -}}
{%- for tool in tools -%}{{- '\\n' + (tool | tojson) -}}{%- endfor -%}
{{- '\\n</tools>\\nTo call one, answer only with:\\n<tool_call>\\n{"name": "...", "arguments": {...}}\\n</tool_call>' -}}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if not (loop.first and opening) -%}
{{- '<|im_start|>' + message.role + '\\n' -}}
{%- if message.role == 'tool' -%}
{{- '<tool_response>\\n' -}}{{- text(message.content) -}}{{- '\\n</tool_response>' -}}
{%- else -%}
{{- text(message.content) -}}
{%- for call in message.tool_calls or [] -%}
{%- if message.content or not loop.first -%}{{- '\\n' -}}{%- endif -%}
{{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' -}}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}`

/** Control tokens, last in the vocabulary in this order. */
export const CONTROL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|pad|>'] as const
