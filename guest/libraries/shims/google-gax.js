// `require("google-gax")` of Google's clients: the half of it that speaks HTTP, for there are no sockets for gRPC. Of
// the other half they use numbers and small functions.
const fallback = require("../node_modules/google-gax/build/src/fallback.js");
const { GoogleAuth } = require("google-auth-library");
const gax = require("../node_modules/google-gax/build/src/gax.js");
const { GoogleError } = require("../node_modules/google-gax/build/src/googleError.js");
const { IamClient } = require("../node_modules/google-gax/build/src/iamService.js");
const { Status } = require("../node_modules/google-gax/build/src/status.js");

const HTTP = "(google.api.http)";

class GrpcClient extends fallback.GrpcClient {
  constructor(options = {}) {
    // JSON over REST, the one form in which answers may be streams. Clients ask their options later on, too.
    options.fallback ||= "rest";
    super(options);
  }

  async createStub(service, options) {
    for (const method of service.methodsArray) method.parsedOptions ??= [{ [HTTP]: httpRule(method.options) }];
    const stub = await super.createStub(service, options);
    for (const { name, requestStream } of service.methodsArray) {
      if (requestStream) stub[name[0].toLowerCase() + name.slice(1)] = refuse;
    }
    return stub;
  }
}

/** The rule of a method's path, of options as older clients carry them: flat, "(google.api.http).post" and so on. */
function httpRule(options) {
  const rule = {};
  for (const [name, value] of Object.entries(options ?? {})) {
    if (name.startsWith(`${HTTP}.`) && !name.includes("additional_bindings")) rule[name.slice(HTTP.length + 1)] = value;
  }
  return rule;
}

/** Answers that are streams come as one JSON array. */
class StreamDescriptor extends fallback.StreamDescriptor {
  constructor(type) {
    super(type, true);
  }
}

/** In place of calls which stream from the client's side: they have no form in HTTP that would serve. */
function refuse() {
  const message = "this call streams over gRPC, which takes a socket, and functions have none";
  throw Object.assign(new GoogleError(message), { code: Status.UNIMPLEMENTED });
}

function createApiCall(call, settings, descriptor) {
  const streamsBoth = descriptor?.streaming && descriptor.type !== fallback.StreamType.SERVER_STREAMING;
  return streamsBoth ? refuse : fallback.createApiCall(call, settings, descriptor);
}

const http = {
  ...fallback,
  GrpcClient,
  GoogleAuth,
  GoogleError,
  IamClient,
  StreamDescriptor,
  createApiCall,
  Status,
  constructSettings: gax.constructSettings,
  createBackoffSettings: gax.createBackoffSettings,
  createDefaultBackoffSettings: gax.createDefaultBackoffSettings,
  createRetryOptions: gax.createRetryOptions,
  createByteLengthFunction: (message) => (value) => message.encode(value).finish().length,
  grpc: { status: Status },
  // Clients make requests about long operations of these.
  get operationsProtos() {
    return require("../node_modules/google-gax/build/protos/operations.js");
  },
};

module.exports = Object.defineProperties({ fallback: http }, Object.getOwnPropertyDescriptors(http));
