// Writes what interface definitions say, partials and mixins merged, as JSON:
//
//   node survey_idl.mjs WEBIDL2.JS OUTPUT DEFINITIONS.IDL ...
//
// { NAME: { parent, length, members: { KEY: { kind, name, length, readonly, value } } } }; kind is "attribute",
// "operation", "constant" or "iterable", with " static" behind it for statics; `length` counts the arguments that have to
// be given, null for an interface that cannot be made with `new`.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [, , webidl2, output, ...files] = process.argv;
const { parse } = createRequire(import.meta.url)(webidl2);

const interfaces = new Map();
const mixins = new Map();
const includes = [];

const required = (args) => args.filter((each) => !each.optional && !each.variadic).length;
const isForSecureWindows = (node) =>
  node.extAttrs?.some(({ name, rhs }) => name === "Exposed" && rhs?.type === "identifier" && rhs.value === "Window");

function merge(store, definition) {
  const found = store.get(definition.name) ?? { parent: null, length: null, members: {} };
  store.set(definition.name, found);
  found.parent = definition.inheritance ?? found.parent;
  for (const member of definition.members.filter((each) => !isForSecureWindows(each))) add(found, member);
}

function add(found, member) {
  if (member.type === "constructor") {
    found.length = Math.min(found.length ?? Infinity, required(member.arguments));
    return;
  }
  const kind = { const: "constant" }[member.type] ?? member.type;
  const name = member.name ?? (kind === "iterable" ? "Symbol.iterator" : "");
  const entry = { kind: member.special === "static" ? `${kind} static` : kind, name };
  if (member.type === "attribute") entry.readonly = member.readonly;
  if (member.type === "const") entry.value = Number(member.value.value);
  if (member.type === "operation") {
    if (member.special === "stringifier" || name === "") {
      if (member.special !== "stringifier") return;
      entry.name = "toString";
    }
    const known = found.members[entry.name];
    entry.length = Math.min(known?.length ?? Infinity, required(member.arguments));
    entry.promise = member.idlType?.generic === "Promise";
  }
  if (member.special === "stringifier" && member.type === "attribute") {
    found.members.toString = { kind: "operation", name: "toString", length: 0 };
  }
  found.members[entry.name] = entry;
}

for (const file of files) {
  for (const definition of parse(readFileSync(file, "utf8"))) {
    if (definition.type === "interface") merge(interfaces, definition);
    if (definition.type === "interface mixin") merge(mixins, definition);
    if (definition.type === "includes") includes.push(definition);
  }
}
for (const { target, includes: mixin } of includes) {
  if (interfaces.has(target) && mixins.has(mixin)) {
    Object.assign(interfaces.get(target).members, mixins.get(mixin).members);
  }
}
writeFileSync(output, JSON.stringify(Object.fromEntries(interfaces)));
