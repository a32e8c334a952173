// The loop of every peer on Node: reads orders from stdin, one per line, and answers with lines.
//
//   {"first": 0, "count": 64}   serves *count* events, cyclically from number *first* on; answers {} when all are served
//   {"outputs": true}           answers {"outputs": [...]} with the outputs of the last order: JSON texts, null for a dropped event
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";

const [modules, workload, name, mode] = process.argv.slice(2);

/** What the program was started with; *script* defines onTrack, settings and DropEvent. */
export const given = {
  modules,
  mode,
  script: `class DropEvent extends Error {}
    ${readFileSync(`${workload}/${name}.js`, "utf8")}
    const settings = ${readFileSync(`${workload}/settings.json`, "utf8")};`,
};

/** Serves with the function of *modes* that is asked for: from texts to their outputs, at once or by a promise. */
export async function serve(modes) {
  const many = await modes[mode]();
  const events = readFileSync(`${workload}/events.jsonl`, "utf8").trimEnd().split("\n");
  let outputs = [];
  const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  answer({});
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    if (order.outputs) {
      answer({ outputs });
      outputs = [];
    } else {
      const texts = Array.from({ length: order.count }, (_, place) => events[(order.first + place) % events.length]);
      outputs = await many(texts);
      answer({});
    }
  }
  process.exit(0);
}
