// What functions do to their events, as operations that a test draws at random (test_json_touched.py). The same run
// goes over an event as it came and over what the engine's parser made of its text; both must tell the same.

let ops = [];
const kept = [];

class Wrap {
  constructor(source) {
    Object.assign(this, source);
  }
}

const isObject = (value) => typeof value === "object" && value !== null;
const kind = (value) => (isObject(value) ? (Array.isArray(value) ? "array" : "object") : `${typeof value} ${String(value)}`);
const order = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
const keysOf = (object) => Reflect.ownKeys(object);

// An object somewhere below `root`: only what lies on the way is read.
function find(root, path) {
  let object = root;
  for (const step of path) {
    const keys = keysOf(object);
    const next = keys.length ? object[keys[step % keys.length]] : undefined;
    if (!isObject(next)) break;
    object = next;
  }
  return object;
}

// Each takes the object, one of its keys, another one, a value to put somewhere, a number, and the event.
const operations = {
  get: (o, k) => kind(o[k]),
  set: (o, k, l, v) => void (o[k] = v),
  add: (o, k, l, v, n) => void (o[`new${n}`] = v),
  addIndex: (o, k, l, v, n) => void (o[n % 40] = v),
  remove: (o, k) => delete o[k],
  again: (o, k) => {
    const value = o[k];
    delete o[k];
    o[k] = value;
  },
  rename: (o, k) => {
    o[`was ${k}`] = o[k];
    delete o[k];
  },
  swap: (o, k, l) => void ([o[k], o[l]] = [o[l], o[k]]),
  copy: (o, k, l) => void (o[k] = o[l]),
  alias: (o, k, l, v, n, root) => void (o.alias = find(root, [n, n])),
  increment: (o, k) => void o[k]++,
  append: (o, k) => void (o[k] += "x"),
  orElse: (o, k, l, v) => void (o[k] ||= v),
  nullish: (o, k, l, v) => void (o[k] ??= v),
  keys: (o) => Object.keys(o),
  names: (o) => keysOf(o).map(String),
  values: (o) => Object.values(o).map(kind),
  entries: (o) => Object.entries(o).map(([key, value]) => [key, kind(value)]),
  forIn: (o) => {
    const found = [];
    for (const key in o) found.push(key);
    return found;
  },
  forOf: (o) => (Array.isArray(o) ? [...o].map(kind) : "no array"),
  has: (o, k) => [k in o, "missing" in o, "toString" in o],
  hasOwn: (o, k) => [Object.hasOwn(o, k), Object.hasOwn(o, "missing"), o.propertyIsEnumerable(k)],
  spread: (o) => ({ ...o }),
  spreadArray: (o) => (Array.isArray(o) ? [...o, ...o] : { ...o, ...o }),
  assign: (o, k, l, v) => void Object.assign(o, { z: 1, [k]: v }),
  assignFrom: (o) => Object.assign({ first: 0 }, o),
  putSpread: (o) => void (o.spread = { ...o }),
  fromEntries: (o) => Object.fromEntries(Object.entries(o)),
  destructure: (o, k) => {
    const { [k]: taken, ...rest } = o;
    return [kind(taken), rest];
  },
  freeze: (o) => void Object.freeze(o),
  seal: (o) => void Object.seal(o),
  prevent: (o) => void Object.preventExtensions(o),
  frozen: (o) => [Object.isFrozen(o), Object.isSealed(o), Object.isExtensible(o)],
  descriptor: (o, k) => {
    const found = Object.getOwnPropertyDescriptor(o, k);
    return found && [Object.keys(found), kind(found.value), found.writable, found.enumerable, found.configurable];
  },
  descriptors: (o) => Object.entries(Object.getOwnPropertyDescriptors(o)).map(([key, found]) => [key, kind(found.value)]),
  redefine: (o, k, l, v) => void Object.defineProperty(o, k, { value: v }),
  hide: (o, k) => void Object.defineProperty(o, k, { enumerable: false }),
  lock: (o, k) => void Object.defineProperty(o, k, { writable: false }),
  pin: (o, k) => void Object.defineProperty(o, k, { configurable: false }),
  getter: (o, k) => void Object.defineProperty(o, k, { get: () => "got", enumerable: true }),
  defineNothing: (o, k) => void Object.defineProperty(o, k, {}),
  reflectSet: (o, k, l, v) => Reflect.set(o, k, v, o),
  reflectGet: (o, k) => kind(Reflect.get(o, k)),
  clone: (o) => void (o.clone = structuredClone(o)),
  stringify: (o) => JSON.stringify(o),
  stringifyRoot: (o, k, l, v, n, root) => JSON.stringify(root),
  stringifyEngine: (o) => engineStringify(o),
  stringifyIndent: (o) => JSON.stringify(o, null, 1),
  stringifyKeys: (o, k, l) => JSON.stringify(o, [k, l, "a"]),
  throughText: (o) => void (o.text = JSON.parse(JSON.stringify(o))),
  proxied: (o) => JSON.stringify([new Proxy(o, {})]),
  wrap: (o) => void (o.wrapped = new Wrap(o)),
  prototype: (o) => void Object.setPrototypeOf(o, { inherited: 1 }),
  noPrototype: (o) => void Object.setPrototypeOf(o, null),
  inherit: (o) => Object.create(o).a === o.a,
  toJson: (o) => void (o.toJSON = () => "own toJSON"),
  sort: (o) => void (Array.isArray(o) && o.sort(order)),
  reverse: (o) => void (Array.isArray(o) && o.reverse()),
  push: (o, k, l, v) => void (Array.isArray(o) && o.push(v, o[0])),
  pop: (o) => (Array.isArray(o) ? kind(o.pop()) : ""),
  shift: (o) => (Array.isArray(o) ? kind(o.shift()) : ""),
  unshift: (o, k, l, v) => void (Array.isArray(o) && o.unshift(v)),
  splice: (o, k, l, v, n) => (Array.isArray(o) ? o.splice(n % (o.length + 1), 1, v).map(kind) : ""),
  cut: (o, k, l, v, n) => void (Array.isArray(o) && (o.length = n % (o.length + 2))),
  concat: (o) => (Array.isArray(o) ? o.concat(o, [o]).flat().map(kind) : ""),
  search: (o, k) => (Array.isArray(o) ? [o.includes(o[0]), o.indexOf(o.at(-1)), o.findLast(isObject) === undefined] : o[k] === o[k]),
  tag: (o) => Object.prototype.toString.call(o),
  group: (o) => JSON.stringify(Object.groupBy(Object.values(o), kind)),
  keep: (o) => void kept.push(o),
  keepRoot: (o, k, l, v, n, root) => void kept.push(root),
  recall: () => kept.map((object) => JSON.stringify(object)),
  recallOne: (o, k, l, v, n) => (kept.length ? kind(find(kept[n % kept.length], [n, n])[k]) : "none"),
  recallPut: (o, k, l, v, n) => void (kept.length && (o.recalled = kept[n % kept.length])),
  recallChange: (o, k, l, v, n) => void (kept.length && (find(kept[n % kept.length], [n])[k] = v)),
  forget: () => void kept.shift(),
  churn: () => {
    for (let i = 0; i < 40_000; i++) {
      const cycle = { i };
      cycle.self = [cycle];
    }
  },
};

function perform({ name, path, numbers: [first, second, n], value }, root) {
  try {
    const object = find(root, path);
    const keys = keysOf(object);
    const key = keys.length ? keys[first % keys.length] : "a";
    const other = keys.length ? keys[second % keys.length] : "b";
    const told = operations[name](object, key, other, value, n, root);
    const text = typeof told === "string" ? told : JSON.stringify(told);
    return text === undefined || text.length < 3000 ? text : `${text.length} ${text.slice(0, 3000)}`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

function run(root, at = 0, log = []) {
  for (let i = at; i < ops.length; i++) {
    if (ops[i].name === "wait")
      return new Promise((done) => setTimeout(() => done(run(root, i + 1, log)), ops[i].numbers[0] % 3));
    log.push(`${ops[i].name}: ${perform(ops[i], root)}`);
  }
  return { type: "track", messageId: "m", log, root };
}

function onPage(event) {
  ops = event.ops;
  return event;
}
