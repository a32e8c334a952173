// Node's http with the function in a warm isolate of isolated-vm, which receives the whole body as text:
// `transform_node.mjs MODULES SCRIPT`.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";

const [modules, script] = process.argv.slice(2);
const ivm = createRequire(`${modules}/`)("isolated-vm");

const isolate = new ivm.Isolate({ memoryLimit: 2048 });
const context = isolate.createContextSync();
let given;
context.global.setSync("give", new ivm.Callback((status, text) => { given = [status, text]; }));
const harness = `${readFileSync(script, "utf8")}
  function handle(text) {
    answer(text).then(
      (output) => { give(output === null ? 204 : 200, output ?? ""); },
      (error) => { give(500, String(error)); },
    );
  }`;
isolate.compileScriptSync(harness).runSync(context);
const handle = context.global.getSync("handle", { reference: true });

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    handle.applySync(undefined, [Buffer.concat(parts).toString()]);
    const [status, text] = given;
    response.writeHead(status, status === 204 ? {} : { "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
