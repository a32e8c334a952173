// `require("http")` of a bundled package: the host speaks both, by the URL's scheme.
const { https, URL } = globalThis;

/** Node's `http` means http: where the options name no protocol. */
function request(input, options, callback) {
  if (typeof input === "object" && input !== null && !(input instanceof URL)) {
    return https.request({ protocol: "http:", ...input }, options, callback);
  }
  return https.request(input, options, callback);
}

module.exports = {
  ...https,
  request,
  get: (input, options, callback) => request(input, options, callback).end(),
};
