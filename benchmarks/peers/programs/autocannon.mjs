// Runs autocannon with orders from stdin, one per line: {"url", "headers", "bodies", "count", "connections"}. Sends *count*
// requests with the bodies in turn, each after the response to the previous one on its connection. Answers
// {"answered", "seconds"} or {"failed"}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import process from "node:process";

const autocannon = createRequire(`${process.argv[2]}/`)("autocannon");

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

answer({});
for await (const line of createInterface({ input: process.stdin })) {
  const { url, headers, bodies, count, connections } = JSON.parse(line);
  const requests = bodies.map((body) => ({ method: "POST", headers, body }));
  const start = process.hrtime.bigint();
  let ended = start;
  const instance = autocannon({ url, connections: Math.min(connections, count), amount: count, timeout: 30, requests });
  instance.on("response", () => { ended = process.hrtime.bigint(); });
  const reasons = new Set();
  instance.on("reqError", (error) => reasons.add(error.message));
  const found = await instance;
  const failures = [...reasons, `${found.non2xx} refused, ${found.timeouts} too late`].join("; ");
  const wrong = found.non2xx + found.errors;
  const seconds = Number(ended - start) / 1e9;
  answer(wrong ? { failed: `${wrong} of ${count} requests: ${failures}` } : { answered: found["2xx"], seconds });
}
process.exit(0);
