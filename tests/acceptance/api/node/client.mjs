// Drives @segment/public-api-sdk-typescript as its users do: `node client.mjs PACKAGE URL TOKEN`, one request a line.
//   in:   {operation: "create_function", named: {functionId: ..., pagination: ...}, body: {...}}
//   out:  {status, answer, typed}: what came, and what the client's own deserializer made of it
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'

const [folder, url, token] = process.argv.slice(2)
const sdk = createRequire(`${folder}/`)(folder)
const apis = Object.entries(sdk)
  .filter(([name, made]) => name.endsWith('Api') && typeof made === 'function')
  .map(([, Api]) => {
    const api = new Api(url)
    api.accessToken = token
    return api
  })

// Its names are those of the table, but for capitals: getDailyWorkspaceAPICallsUsage.
const methods = new Map(
  apis.flatMap((api) => Object.keys(Object.getPrototypeOf(api)).map((name) => [name.toLowerCase(), [api, name]])),
)

async function perform({ operation, named, body }) {
  const [api, method] = methods.get(operation.replaceAll('_', ''))
  const left = new Map(Object.entries(named))
  const parameters = /\(([^)]*)\)/.exec(api[method].toString())[1].split(',')
  const given = parameters.map((each) => {
    const name = each.trim()
    if (/^[A-Z]/.test(name)) return body
    const value = left.get(name)
    left.delete(name)
    return value
  })
  if (left.size > 0) throw new Error(`${operation} takes no ${[...left.keys()]}`)
  try {
    const { response, body: typed } = await api[method](...given)
    return { status: response.statusCode, answer: response.body, typed }
  } catch (error) {
    if (error.name !== 'HttpError') throw error
    return { status: error.statusCode, answer: error.response.body }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await perform(JSON.parse(line)))}\n`)
}
