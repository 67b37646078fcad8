/** What `workerd serve` needs to know; texts are embedded in Cap'n Proto text format. */
export interface WorkerdSettings {
  readonly host: string
  readonly port: number
  readonly compatibilityDate: string
  /** The bundle's file name, beside the configuration. */
  readonly bundle: string
  /** Directory of the Durable Objects' SQLite files. */
  readonly objectsDir: string
  /** Text bindings of the Worker. */
  readonly vars: Readonly<Record<string, string>>
}

/** The Worker's objects and the bindings they are reached by, as in wrangler.toml. */
const OBJECTS = [
  { binding: 'HUB', className: 'HubObject' },
  { binding: 'ACCOUNT', className: 'AccountObject' },
  { binding: 'DIRECTORY', className: 'DirectoryObject' },
  { binding: 'SETTLER', className: 'SettlerObject' },
] as const

/** JSON's escapes are a subset of Cap'n Proto text's. */
const text = (value: string): string => JSON.stringify(value)

/** A configuration file for the Worker with its Durable Objects on local disk. */
export function workerdConfig(settings: WorkerdSettings): string {
  const namespaces = OBJECTS.map(
    ({ className }) =>
      `(className = ${text(className)}, uniqueKey = ${text(`infernet-${className}`)}, enableSql = true)`,
  )
  const bindings = [
    ...OBJECTS.map(
      ({ binding, className }) =>
        `(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`,
    ),
    ...Object.entries(settings.vars).map(
      ([name, value]) => `(name = ${text(name)}, text = ${text(value)})`,
    ),
  ]
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "objects", disk = (path = ${text(settings.objectsDir)}, writable = true)),
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = ${text(`${settings.host}:${settings.port}`)}, http = (), service = "edge")],
);

const edge :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed ${text(settings.bundle)})],
  compatibilityDate = ${text(settings.compatibilityDate)},
  compatibilityFlags = ["enable_request_signal"],
  durableObjectNamespaces = [${namespaces.join(', ')}],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [${bindings.join(', ')}],
);
`
}
