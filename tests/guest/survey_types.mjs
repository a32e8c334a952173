// What the TypeScript compiler knows from guest/types, and what it says of source files against them, as JSON.
//
//     node survey_types.mjs TYPESCRIPT_PACKAGE DECLARATIONS SOURCE...

import { createRequire } from "node:module";
import path from "node:path";

const [home, root, ...sources] = process.argv.slice(2);
const ts = createRequire(import.meta.url)(home);

const { options } = ts.getParsedCommandLineOfConfigFile(path.join(path.dirname(root), "tsconfig.json"), {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic() {} });
const host = ts.createCompilerHost(options);
const parsed = new Map();
const read = host.getSourceFile.bind(host);
host.getSourceFile = (name, ...rest) => parsed.get(name) ?? parsed.set(name, read(name, ...rest)).get(name);

/** Each function is a program of its own: all of them declare the same handlers. JavaScript need not say its types. */
function program(file) {
  const typed = file === undefined || file.endsWith(".ts");
  const strict = { checkJs: true, noImplicitAny: typed, useUnknownInCatchVariables: typed };
  return ts.createProgram(file ? [root, file] : [root], { ...options, ...strict }, host);
}

function complaints(file) {
  const each = program(file);
  const found = file ? each.getSemanticDiagnostics(each.getSourceFile(file)) : ts.getPreEmitDiagnostics(each);
  return found.map(({ file: at, start, messageText }) => {
    const line = at ? at.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${at ? path.basename(at.fileName) : ""}:${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

const base = program();
const checker = base.getTypeChecker();
const file = base.getSourceFile(root);
const folder = path.dirname(root) + "/";
const isOurs = (symbol) => (symbol.declarations ?? []).some((each) => each.getSourceFile().fileName.startsWith(folder));
const members = (type) => type.getProperties().filter((each) => isOurs(each) && !each.name.startsWith("__@")).map((each) => each.name);

const declared = {};
const known = [];
for (const symbol of checker.getSymbolsInScope(file, ts.SymbolFlags.Value)) {
  known.push(symbol.name);
  if (!isOurs(symbol)) continue;
  const type = checker.getTypeOfSymbolAtLocation(symbol, file);
  const made = type.getConstructSignatures()[0]?.getReturnType();
  declared[symbol.name] = { own: members(type).filter((name) => name !== "prototype"), made: made ? members(made) : [] };
}

const found = Object.fromEntries([["", complaints()], ...sources.map((name) => [name, complaints(name)])]);
console.log(JSON.stringify({ known, declared, complaints: found }));
