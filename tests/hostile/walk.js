// Walks everything that user code can reach: from the global object, from instances of what it can make, from what
// callbacks are given and from call sites, through properties, accessors, prototypes and collections.
function onTrack(event) {
  const seen = new Map()
  const queue = []
  const add = (value, path) => {
    if ((typeof value !== "object" || value === null) && typeof value !== "function") return
    if (seen.has(value)) return
    seen.set(value, path)
    queue.push(value)
  }
  const attempt = (path, make) => {
    try { add(make(), path) } catch (error) { add(error, `${path} (thrown)`) }
  }
  const sites = (label) => {
    Error.prepareStackTrace = (error, found) => {
      add(found, `${label} sites`)
      for (const site of found) {
        let prototype = site
        while ((prototype = Object.getPrototypeOf(prototype))) {
          for (const name of Object.getOwnPropertyNames(prototype)) {
            attempt(`${label} site.${name}()`, () => site[name]())
          }
        }
      }
      return ""
    }
    new Error("x").stack
    Error.prepareStackTrace = undefined
  }
  const given = (label) => function (...values) {
    add(this, `${label} this`)
    add(arguments, `${label} arguments`)
    values.forEach((value, i) => add(value, `${label} argument ${i}`))
    sites(label)
    return label === "url" ? "http://host.test/" : ""
  }

  add(globalThis, "globalThis")
  add((function () { return this })(), "sloppy this")
  add((0, eval)("this"), "indirect eval")
  for (const make of [
    function () {}, async function () {}, function* () {}, async function* () {}, () => {}, class {},
    Object.getOwnPropertyDescriptor(globalThis, "fetch").value,
  ]) {
    attempt("constructor", () => make.constructor)
    attempt("made from text", () => make.constructor("return this"))
    attempt("called", () => make.constructor("return this")())
    attempt("arguments", () => make.arguments)
    attempt("caller", () => make.caller)
  }
  add(arguments, "arguments")
  attempt("arguments.callee", () => arguments.callee)
  attempt("arguments.callee.caller", () => arguments.callee.caller)

  sites("here")
  attempt("inspect", () => console.log({ [Symbol.for("nodejs.util.inspect.custom")]: given("inspect") }))
  attempt("table", () => console.table([{ get a() { return given("table")() } }]))
  attempt("format", () => console.log("%s", { toString: given("format") }))
  attempt("sort", () => [2, 1].sort(given("sort")))
  attempt("map", () => [1].map(given("map")))
  attempt("replace", () => "x".replace("x", given("replace")))
  attempt("replacer", () => JSON.stringify({ a: 1 }, given("replacer")))
  attempt("reviver", () => JSON.parse('{"a":1}', given("reviver")))
  attempt("toJSON", () => JSON.stringify({ toJSON: given("toJSON") }))
  attempt("clone", () => structuredClone({ get x() { return given("clone")() } }))
  attempt("url", () => new URL({ toString: given("url") }))
  attempt("headers", () => new Headers({ get a() { return given("headers")() } }))
  attempt("request", () => new Request("http://host.test/", { get method() { return given("request")() } }))
  attempt("fetch", () => fetch({ toString: given("fetch") }).catch(() => {}))
  attempt("body", () => new Response({ toString: given("body") }))
  attempt("form", () => new FormData().append({ toString: given("form") }, "x"))
  attempt("buffer", () => Buffer.from({ valueOf: given("buffer") }))
  attempt("encoder", () => new TextEncoder().encode({ toString: given("encoder") }))
  attempt("base64", () => btoa({ toString: given("base64") }))
  attempt("hash", () => crypto.createHash({ toString: given("hash") }))
  attempt("bytes", () => crypto.randomBytes({ valueOf: given("bytes") }))
  attempt("delay", () => setTimeout(() => {}, { valueOf: given("delay") }))
  attempt("cache", () => cache.load("k", 1, given("cache")).catch(() => {}))
  attempt("listener", () => {
    const target = new EventTarget()
    target.addEventListener("x", given("listener"))
    target.dispatchEvent(new Event("x"))
  })
  attempt("abort", () => {
    const controller = new AbortController()
    controller.signal.onabort = given("abort")
    controller.abort()
  })

  for (const name of Object.getOwnPropertyNames(globalThis)) {
    for (const values of [[], ["http://host.test/"], [() => {}], [{}], [1], ["a", "b"]]) {
      attempt(`new ${name}`, () => new globalThis[name](...values))
    }
  }
  attempt("a generator", () => (function* () {})())
  attempt("an asynchronous generator", () => (async function* () {})())
  attempt("a promise", () => (async () => {})())
  attempt("a match", () => "x".matchAll(/x/g))
  attempt("a hash", () => crypto.createHash("sha256"))
  attempt("a cipher", () => crypto.createCipheriv("aes-256-gcm", Buffer.alloc(32), Buffer.alloc(12)))
  attempt("an iterator", () => [][Symbol.iterator]())
  attempt("entries", () => new Map([[1, 2]]).entries())
  attempt("settings", () => event)

  while (queue.length) {
    const value = queue.shift()
    const path = seen.get(value)
    attempt(`${path}.__proto__`, () => Object.getPrototypeOf(value))
    let keys = []
    try { keys = Reflect.ownKeys(value) } catch {}
    for (const key of keys) {
      let property
      try { property = Object.getOwnPropertyDescriptor(value, key) } catch {}
      if (!property) continue
      const here = `${path}.${String(key)}`
      add(property.value, here)
      add(property.get, `${here} (getter)`)
      add(property.set, `${here} (setter)`)
      if (property.get) attempt(here, () => value[key])
    }
    if (value instanceof Map) for (const entry of value) entry.forEach((part) => add(part, `${path} entry`))
    if (value instanceof Set) for (const member of value) add(member, `${path} member`)
  }

  const wanted = new Set(event.names)
  const named = []
  for (const [value, path] of seen) {
    let name = ""
    try { name = Object.getOwnPropertyDescriptor(value, "name")?.value } catch {}
    let keys = []
    try { keys = Object.getOwnPropertyNames(value).filter((key) => wanted.has(key)) } catch {}
    const isNamed = typeof value === "function" && wanted.has(name)
    if (isNamed || keys.length || / site\.\w+\(\)$/.test(path)) named.push([path, isNamed ? name : "", keys])
  }
  return { type: "track", messageId: "m", count: seen.size, named }
}
