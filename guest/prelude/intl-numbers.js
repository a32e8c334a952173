// `Intl.NumberFormat` and `Intl.PluralRules` of FormatJS, and what `toLocaleString` of numbers stands on.

import { NumberFormat } from "@formatjs/intl-numberformat";
import { PluralRules } from "@formatjs/intl-pluralrules";
import { ObjectDefineProperty, SafeMap } from "./primordials.js";
import { intl, need } from "./intl.js";
import { Intl as inner } from "./intl-inner.js";
import { feed, tidy } from "./intl-matcher.js";

function numbersOf(name) {
  const { data } = need("core");
  const piece = (key) => ({ __proto__: null, get: () => data(name, key), enumerable: true, configurable: true });
  const given = { ...data(name, "numbers") };
  // The names of currencies and units are most of it: parsed when one is asked for.
  ObjectDefineProperty(given, "currencies", piece("currencies"));
  ObjectDefineProperty(given, "units", piece("units"));
  return given;
}

const pluralsOf = (name) => need("core").data(name, "plural");

const plain = new SafeMap();
const formatOf = Object.getOwnPropertyDescriptor(NumberFormat.prototype, "format").get;
const getFormat = Function.prototype.call.bind(formatOf);

/** `Number.prototype.toLocaleString`. */
function format(value, locales, options) {
  const isPlain = options === undefined && (locales === undefined || typeof locales === "string");
  let bound = isPlain ? plain.get(locales) : undefined;
  if (bound === undefined) {
    bound = getFormat(new NumberFormat(locales, options));
    if (isPlain && plain.size < 100) plain.set(locales, bound);
  }
  return bound(value);
}

export function install() {
  const { expose, list } = need("core");
  inner.NumberFormat = NumberFormat;
  inner.PluralRules = PluralRules;
  inner.getCanonicalLocales = list;
  feed(NumberFormat.localeData, numbersOf);
  feed(PluralRules.localeData, pluralsOf);
  tidy(NumberFormat);
  tidy(PluralRules);
  expose("NumberFormat", NumberFormat);
  expose("PluralRules", PluralRules);
  intl.numbers = { __proto__: null, format, NumberFormat, PluralRules };
  format(0, undefined, undefined);
}
