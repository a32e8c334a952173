// Sends calls through the official SDK, as an application would:
//
//     node send.mjs PACKAGE < JSON
//
// {settings, calls: [[method, message], ...], quick: [milliseconds, ...]}. Answers with {errors, delays}: what the SDK
// complained of, and which of the delays in `quick` were waited for; those end at once.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const { Analytics } = createRequire(import.meta.url)(process.argv[2]);
const { settings, calls, quick } = JSON.parse(await text(process.stdin));

const delays = [];
const later = globalThis.setTimeout;
globalThis.setTimeout = (callback, ms, ...rest) => {
  if (!quick.includes(ms)) return later(callback, ms, ...rest);
  delays.push(ms);
  return later(callback, 0, ...rest);
};

const errors = [];
const analytics = new Analytics(settings);
analytics.on("error", (error) => errors.push(String(error.reason ?? error)));
for (const [method, message] of calls) analytics[method](message);
await analytics.closeAndFlush();
console.log(JSON.stringify({ errors, delays }));
