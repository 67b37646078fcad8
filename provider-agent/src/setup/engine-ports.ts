/** Where servers of models listen when nobody says otherwise. */
export interface UsualPort {
  readonly port: number
  /** What it is there, where its answer does not tell. */
  readonly name: string
  /** Beside `/v1`: where it tells the size of what it has. */
  readonly sizes?: string
}

export const USUAL_PORTS: readonly UsualPort[] = [
  { port: 8000, name: 'a server' },
  { port: 8080, name: 'TGI' },
  { port: 30_000, name: 'SGLang' },
  { port: 3000, name: 'TGI' },
  { port: 1234, name: 'LM Studio' },
  { port: 11_434, name: 'Ollama', sizes: '/api/tags' },
]
