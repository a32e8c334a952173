// The intrinsics that prelude code uses after user code has run, taken while they are still the
// engine's own. User code may replace any global and patch any prototype; nothing here consults
// them again. Names follow one rule: Class + "Prototype" + Method, called with the receiver first.
//
// Written for two readers: code that must work (use these), and code that only has to be right for
// a program which has not sabotaged itself (may use ordinary methods on its own fresh values).

export const {
  Array,
  ArrayBuffer,
  BigInt,
  Boolean,
  DataView,
  Date,
  Error,
  Function,
  Map,
  Number,
  Object,
  Promise,
  Proxy,
  RangeError,
  RegExp,
  Set,
  String,
  Symbol,
  SyntaxError,
  TypeError,
  Uint8Array,
  WeakMap,
  WeakSet,
  decodeURIComponent,
} = globalThis;

const { bind, call } = Function.prototype;

/** `uncurryThis(String.prototype.slice)(text, 1)` calls the method that was there at load time. */
export const uncurryThis = bind.bind(call);

const getter = (prototype, name) =>
  uncurryThis(Object.getOwnPropertyDescriptor(prototype, name).get);

export const ArrayIsArray = Array.isArray;
export const ArrayPrototypeIncludes = uncurryThis(Array.prototype.includes);
export const ArrayPrototypeIndexOf = uncurryThis(Array.prototype.indexOf);
export const ArrayPrototypeJoin = uncurryThis(Array.prototype.join);
export const ArrayPrototypePush = uncurryThis(Array.prototype.push);
export const ArrayPrototypeShift = uncurryThis(Array.prototype.shift);
export const ArrayPrototypeSlice = uncurryThis(Array.prototype.slice);
export const ArrayPrototypeSort = uncurryThis(Array.prototype.sort);
export const ArrayPrototypeSplice = uncurryThis(Array.prototype.splice);
export const ArrayPrototypeUnshift = uncurryThis(Array.prototype.unshift);

export const ArrayBufferPrototypeSlice = uncurryThis(ArrayBuffer.prototype.slice);
export const ArrayBufferPrototypeGetByteLength = getter(ArrayBuffer.prototype, "byteLength");

export const BigIntPrototypeValueOf = uncurryThis(BigInt.prototype.valueOf);
export const BooleanPrototypeValueOf = uncurryThis(Boolean.prototype.valueOf);

export const DataViewPrototypeGetBuffer = getter(DataView.prototype, "buffer");
export const DataViewPrototypeGetByteLength = getter(DataView.prototype, "byteLength");
export const DataViewPrototypeGetByteOffset = getter(DataView.prototype, "byteOffset");

export const DatePrototypeGetTime = uncurryThis(Date.prototype.getTime);
export const DatePrototypeToISOString = uncurryThis(Date.prototype.toISOString);
export const DatePrototypeToString = uncurryThis(Date.prototype.toString);

export const ErrorCaptureStackTrace = Error.captureStackTrace;
export const ErrorPrototype = Error.prototype;
export const ErrorPrototypeToString = uncurryThis(Error.prototype.toString);

export const FunctionPrototype = Function.prototype;
export const FunctionPrototypeToString = uncurryThis(Function.prototype.toString);

export const JSONParse = JSON.parse;
export const JSONStringify = JSON.stringify;

export const MapPrototypeClear = uncurryThis(Map.prototype.clear);
export const MapPrototypeDelete = uncurryThis(Map.prototype.delete);
export const MapPrototypeEntries = uncurryThis(Map.prototype.entries);
export const MapPrototypeGet = uncurryThis(Map.prototype.get);
export const MapPrototypeGetSize = getter(Map.prototype, "size");
export const MapPrototypeHas = uncurryThis(Map.prototype.has);
export const MapPrototypeKeys = uncurryThis(Map.prototype.keys);
export const MapPrototypeSet = uncurryThis(Map.prototype.set);
export const MapIteratorNext = uncurryThis(Object.getPrototypeOf(new Map().keys()).next);

export const {
  ceil: MathCeil,
  floor: MathFloor,
  max: MathMax,
  min: MathMin,
  round: MathRound,
  sqrt: MathSqrt,
  trunc: MathTrunc,
} = Math;

export const NumberIsInteger = Number.isInteger;
export const NumberParseFloat = Number.parseFloat;
export const NumberParseInt = Number.parseInt;
export const NumberPrototypeToFixed = uncurryThis(Number.prototype.toFixed);
export const NumberPrototypeToString = uncurryThis(Number.prototype.toString);
export const NumberPrototypeValueOf = uncurryThis(Number.prototype.valueOf);

export const {
  assign: ObjectAssign,
  create: ObjectCreate,
  defineProperty: ObjectDefineProperty,
  freeze: ObjectFreeze,
  getOwnPropertyDescriptor: ObjectGetOwnPropertyDescriptor,
  getOwnPropertyNames: ObjectGetOwnPropertyNames,
  getOwnPropertySymbols: ObjectGetOwnPropertySymbols,
  getPrototypeOf: ObjectGetPrototypeOf,
  is: ObjectIs,
  keys: ObjectKeys,
  setPrototypeOf: ObjectSetPrototypeOf,
} = Object;
export const ObjectPrototype = Object.prototype;
export const ObjectPrototypeHasOwnProperty = uncurryThis(Object.prototype.hasOwnProperty);
export const ObjectPrototypePropertyIsEnumerable = uncurryThis(
  Object.prototype.propertyIsEnumerable,
);

export const PromiseReject = Promise.reject.bind(Promise);
export const PromiseResolve = Promise.resolve.bind(Promise);
export const PromisePrototypeThen = uncurryThis(Promise.prototype.then);

export const { apply: ReflectApply, construct: ReflectConstruct, ownKeys: ReflectOwnKeys } = Reflect;

export const RegExpPrototypeExec = uncurryThis(RegExp.prototype.exec);
export const RegExpPrototypeGetFlags = getter(RegExp.prototype, "flags");
export const RegExpPrototypeGetSource = getter(RegExp.prototype, "source");

export const SetPrototypeAdd = uncurryThis(Set.prototype.add);
export const SetPrototypeGetSize = getter(Set.prototype, "size");
export const SetIteratorNext = uncurryThis(Object.getPrototypeOf(new Set().values()).next);
export const SetPrototypeValues = uncurryThis(Set.prototype.values);
export const SetPrototypeHas = uncurryThis(Set.prototype.has);

export const StringFromCharCode = String.fromCharCode;
export const StringPrototypeCharCodeAt = uncurryThis(String.prototype.charCodeAt);
export const StringPrototypeCodePointAt = uncurryThis(String.prototype.codePointAt);
export const StringPrototypeEndsWith = uncurryThis(String.prototype.endsWith);
export const StringPrototypeIncludes = uncurryThis(String.prototype.includes);
export const StringPrototypeIndexOf = uncurryThis(String.prototype.indexOf);
export const StringPrototypePadEnd = uncurryThis(String.prototype.padEnd);
export const StringPrototypePadStart = uncurryThis(String.prototype.padStart);
export const StringPrototypeRepeat = uncurryThis(String.prototype.repeat);
export const StringPrototypeSlice = uncurryThis(String.prototype.slice);
export const StringPrototypeStartsWith = uncurryThis(String.prototype.startsWith);
export const StringPrototypeToLowerCase = uncurryThis(String.prototype.toLowerCase);
export const StringPrototypeToUpperCase = uncurryThis(String.prototype.toUpperCase);
export const StringPrototypeValueOf = uncurryThis(String.prototype.valueOf);

export const SymbolDispose = Symbol.dispose;
export const SymbolIterator = Symbol.iterator;
export const SymbolToPrimitive = Symbol.toPrimitive;
export const SymbolToStringTag = Symbol.toStringTag;
export const SymbolPrototypeToString = uncurryThis(Symbol.prototype.toString);
export const SymbolPrototypeValueOf = uncurryThis(Symbol.prototype.valueOf);

const TypedArray = Object.getPrototypeOf(Uint8Array);
export const TypedArrayPrototypeGetBuffer = getter(TypedArray.prototype, "buffer");
export const TypedArrayPrototypeGetByteLength = getter(TypedArray.prototype, "byteLength");
export const TypedArrayPrototypeGetByteOffset = getter(TypedArray.prototype, "byteOffset");
export const TypedArrayPrototypeGetLength = getter(TypedArray.prototype, "length");
export const TypedArrayPrototypeGetSymbolToStringTag = getter(
  TypedArray.prototype,
  Symbol.toStringTag,
);

export const WeakMapPrototypeGet = uncurryThis(WeakMap.prototype.get);
export const WeakMapPrototypeSet = uncurryThis(WeakMap.prototype.set);
export const WeakSetPrototypeAdd = uncurryThis(WeakSet.prototype.add);
export const WeakSetPrototypeHas = uncurryThis(WeakSet.prototype.has);

/** An array without a prototype: reading a hole or writing an index never reaches user code. */
export const newList = () => ObjectSetPrototypeOf([], null);

/** Splits on a literal separator, without RegExp or Symbol.split. */
export function splitText(text, separator) {
  const parts = newList();
  let from = 0;
  for (;;) {
    const at = StringPrototypeIndexOf(text, separator, from);
    if (at === -1) break;
    ArrayPrototypePush(parts, StringPrototypeSlice(text, from, at));
    from = at + separator.length;
  }
  ArrayPrototypePush(parts, StringPrototypeSlice(text, from));
  return parts;
}

/** Replaces every literal occurrence of `from`, without `$` patterns in `to`. */
export const replaceText = (text, from, to) =>
  StringPrototypeIndexOf(text, from) === -1 ? text : ArrayPrototypeJoin(splitText(text, from), to);

/** A Map whose methods cannot be patched from outside. Keeps insertion order. */
export class SafeMap {
  #map = new Map();

  get size() {
    return MapPrototypeGetSize(this.#map);
  }

  get(key) {
    return MapPrototypeGet(this.#map, key);
  }

  has(key) {
    return MapPrototypeHas(this.#map, key);
  }

  set(key, value) {
    MapPrototypeSet(this.#map, key, value);
  }

  delete(key) {
    return MapPrototypeDelete(this.#map, key);
  }

  clear() {
    MapPrototypeClear(this.#map);
  }

  /** The key inserted longest ago; undefined when empty. */
  firstKey() {
    return MapIteratorNext(MapPrototypeKeys(this.#map)).value;
  }
}

