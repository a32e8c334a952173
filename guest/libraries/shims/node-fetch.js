// `require("node-fetch")` of a bundled package: the sandbox's `fetch` is node-fetch 2.
const { fetch, Headers, Request, Response, FetchError } = globalThis;

function nodeFetch(...values) {
  return fetch(...values);
}

module.exports = Object.assign(nodeFetch, { default: nodeFetch, Headers, Request, Response, FetchError });
