/** Where the examples ask: what `npm start` prints, or any Infernet edge. */
export const url = process.env['INFERNET_URL'] ?? 'http://127.0.0.1:8787'
export const apiKey = process.env['INFERNET_API_KEY'] ?? ''
export const model = process.env['INFERNET_MODEL'] ?? 'infernet-demo'
