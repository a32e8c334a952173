// Sends calls through the official SDK, as an application would:
//
//     node send.mjs PACKAGE < JSON
//
// {settings, calls: [[method, message], ...]}. Answers with {errors, waits}: what the SDK complained of, and the seconds
// for which it wanted to wait before another attempt. Those pass at once.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const { Analytics } = createRequire(import.meta.url)(process.argv[2]);
const { settings, calls } = JSON.parse(await text(process.stdin));

const TIME_LIMIT = 10_000;

const waits = [];
let skipped = 0;
const now = Date.now;
const later = globalThis.setTimeout;
Date.now = () => now() + skipped;
globalThis.setTimeout = (callback, ms, ...rest) => {
  const between = ms > 0 && /at sleep \(.*publisher/.test(new Error("who asks").stack);
  if (!between) return later(callback, ms, ...rest);
  waits.push(ms / 1000);
  skipped += ms;
  return later(callback, 0, ...rest);
};

const analytics = new Analytics(settings);
const sent = calls.map(
  ([method, message]) => new Promise((settle) => analytics[method](message, (error) => settle(error && String(error)))),
);
await analytics.closeAndFlush({ timeout: TIME_LIMIT });
const errors = (await Promise.all(sent)).filter(Boolean);
process.stdout.write(JSON.stringify({ errors, waits }), () => process.exit());
