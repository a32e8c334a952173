// Stands for @formatjs/intl-localematcher: which locale is meant is decided in one place, intl-core.js, by the standard's
// lookup, and its data are brought when a class of FormatJS asks for them.

import { Map, MapPrototypeGet, MapPrototypeSet, ObjectDefineProperty, ReflectOwnKeys } from "./primordials.js";
import { need } from "./intl.js";

const NUMBERING = ["latn"];

const loaders = new Map();

/** Where a class of FormatJS keeps its data, and `load(name of the data)` that brings them. */
export function feed(localeData, load) {
  MapPrototypeSet(loaders, localeData, load);
}

export function ResolveLocale(_available, requested, options, keys, localeData) {
  const { resolve } = need("core");
  const supported = keys.length > 0 ? { __proto__: null, nu: NUMBERING } : { __proto__: null };
  const { locale, data, nu } = resolve(requested, supported, options);
  // Some classes look under the locale later, some under the data.
  if (localeData[data] === undefined) localeData[data] = MapPrototypeGet(loaders, localeData)(data);
  localeData[locale] = localeData[data];
  return { locale, dataLocale: data, nu };
}

/** Makes what a class has beyond the standard, which its own code needs, unseen and fixed. */
export function tidy(Class) {
  const names = ReflectOwnKeys(Class);
  for (let i = 0; i < names.length; i++) {
    if (!STANDARD.includes(names[i])) {
      ObjectDefineProperty(Class, names[i], { __proto__: null, enumerable: false, writable: false, configurable: false });
    }
  }
}

const STANDARD = ["length", "name", "prototype", "supportedLocalesOf"];

export const LookupSupportedLocales = () => [];
