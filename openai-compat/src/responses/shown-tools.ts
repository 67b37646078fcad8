import type {
  FunctionTool,
  NamespaceTool,
  ResponsesRequestBody,
} from './responses-request-schema.ts'

/** Characters that a chat's tools may have in their names. */
const MAX_NAME_CHARS = 64

/** A function as its client names it. */
export interface FunctionName {
  readonly name: string
  readonly namespace?: string | null | undefined
}

/**
 * The tools that the model gets, as the client wrote them, and as the answer repeats them. A web
 * search is not among them: agents offer one beside their own tools in every request, and to a model
 * without it nothing is lost but that.
 */
export function listedTools(body: ResponsesRequestBody): (FunctionTool | NamespaceTool)[] {
  return (body.tools ?? []).filter((tool) => tool.type === 'function' || tool.type === 'namespace')
}

/** The name of a function that is in a namespace. */
export interface NamespacedName {
  readonly name: string
  readonly namespace: string
}

/** A function by the name that the model knows it by. */
export interface ShownFunction {
  readonly tool: FunctionTool
  readonly shown: string
}

/** What a function is called in a chat, which knows no namespaces. */
export function shownName({ name, namespace }: FunctionName): string {
  // Of a name that is too long the end says most.
  return namespace ? `${namespace}__${name}`.slice(-MAX_NAME_CHARS) : name
}

/** The functions of all namespaces by the names that the model knows them by. */
export function namespacedNames(
  tools: readonly (FunctionTool | NamespaceTool)[],
): Map<string, NamespacedName> {
  const names = new Map<string, NamespacedName>()
  for (const tool of tools) {
    if (tool.type === 'function') continue
    const namespace = tool.name
    for (const { name } of tool.tools)
      names.set(shownName({ name, namespace }), { name, namespace })
  }
  return names
}

/** All functions, those of namespaces among them. */
export function shownFunctions(tools: readonly (FunctionTool | NamespaceTool)[]): ShownFunction[] {
  return tools.flatMap((tool) => {
    if (tool.type === 'function') return [{ tool, shown: tool.name }]
    const namespace = tool.name
    return tool.tools.map((inner) => ({
      tool: inner,
      shown: shownName({ name: inner.name, namespace }),
    }))
  })
}
