// Iterators over collections that may change meanwhile, shaped as WebIDL has them.

import { ArrayIsArray, Object, ObjectDefineProperty, SymbolIterator, TypeError } from "./primordials.js";

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][SymbolIterator]()));

/** Picks from a pair what `keys()`, `values()` and `entries()` give. */
export const KEY = (pair) => pair[0];
export const VALUE = (pair) => pair[1];
export const ENTRY = (pair) => [pair[0], pair[1]];

/**
 * A function from (collection, pick) to an iterator. `pairAt(collection, index)` gives the pair at
 * that place at that moment, or undefined past the end. `name` is the iterators' toStringTag.
 */
export function iteratorsOf(name, pairAt) {
  const states = new WeakMap();
  const stateOf = (iterator) => {
    const state = states.get(iterator);
    if (state === undefined) throw new TypeError(`Value of "this" must be of type ${name}`);
    return state;
  };
  const prototype = {
    __proto__: IteratorPrototype,
    next() {
      const state = stateOf(this);
      const pair = pairAt(state.collection, state.index);
      if (!ArrayIsArray(pair)) return { value: undefined, done: true };
      state.index++;
      return { value: state.pick(pair), done: false };
    },
  };
  ObjectDefineProperty(prototype, Symbol.toStringTag, {
    __proto__: null,
    value: name,
    configurable: true,
  });
  return (collection, pick) => {
    const iterator = Object.create(prototype);
    states.set(iterator, { collection, pick, index: 0 });
    return iterator;
  };
}
