// Deno with the function in the server's own isolate, which may do nothing but listen: `transform_deno.mjs SCRIPT`.
// By node:http, since Deno.serve of 2.9.5 closes the connection after every request that has a body (its issue 36657).
import { createServer } from "node:http";
import { Buffer } from "node:buffer";

const { answer } = await import(Deno.args[0]);

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    try {
      const output = await answer(Buffer.concat(parts).toString());
      response.writeHead(output === null ? 204 : 200, output === null ? {} : { "content-length": Buffer.byteLength(output) });
      response.end(output ?? undefined);
    } catch (error) {
      response.writeHead(500);
      response.end(String(error));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
