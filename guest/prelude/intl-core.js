// The part that all others of `Intl` stand on: which locale is meant, which data it has, and options as ECMA-402 reads them.
// Locales are matched by the standard's lookup; one that nothing is known of is "en-US".
//
// Texts are put together by `+` in all of Intl: the engine makes templates with the `concat` that user code may replace.

import {
  JSONParse,
  Object,
  ObjectKeys,
  RangeError,
  RegExpPrototypeExec,
  SafeMap,
  String,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeToLowerCase,
  StringPrototypeToUpperCase,
  TypeError,
  WeakMap,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
  splitText,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  ArrayPrototypeSlice,
  ArrayPrototypeSort,
  ObjectDefineProperty,
  SymbolToStringTag,
  newList,
} from "./primordials.js";
import { define } from "./expose.js";
import { intl, namespace } from "./intl.js";
import { loadScript } from "./libraries.js";
import { AVAILABLE, CURRENCIES, LIKELY, UNITS, ZONE_NAMES } from "./intl-tags.js";

const DEFAULT = "en-US";

const bad = () => new RangeError("Incorrect locale information provided");

/** The text behind `key` in lines of `key value`, or undefined. */
function lookup(lines, key) {
  const at = StringPrototypeIndexOf(lines, "\n" + key + " ");
  if (at === -1) return undefined;
  const from = at + key.length + 2;
  return StringPrototypeSlice(lines, from, StringPrototypeIndexOf(lines, "\n", from));
}

const available = "\n" + AVAILABLE + "\n";
const likely = "\n" + LIKELY + "\n";

// --- tags ------------------------------------------------------------------------------------------------------------

const LANGUAGE = /^(?:[a-z]{2,3}|[a-z]{5,8})$/;
const SCRIPT = /^[a-z]{4}$/;
const REGION = /^(?:[a-z]{2}|[0-9]{3})$/;
const VARIANT = /^(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3})$/;
const SINGLETON = /^[a-z0-9]$/;
const PIECE = /^[a-z0-9]{2,8}$/;
const PRIVATE = /^[a-z0-9]{1,8}$/;
const KEY = /^[a-z0-9][a-z]$/;
const TYPE = /^[a-z0-9]{3,8}(?:-[a-z0-9]{3,8})*$/;

const matches = (pattern, text) => text !== undefined && RegExpPrototypeExec(pattern, text) !== null;

// What CLDR calls by another name now, as far as it still is about.
const LANGUAGES = { __proto__: null, iw: "he", in: "id", ji: "yi", jw: "jv", mo: "ro", tl: "fil", sh: "sr", cmn: "zh", deu: "de", eng: "en", fra: "fr", spa: "es" };
const REGIONS = { __proto__: null, BU: "MM", DD: "DE", FX: "FR", SU: "RU", TP: "TL", UK: "GB", YD: "YE", ZR: "CD", CS: "RS", AN: "CW" };

const title = (text) => StringPrototypeToUpperCase(StringPrototypeSlice(text, 0, 1)) + StringPrototypeSlice(text, 1);

/**
 * The parts of a language tag: `{ language, script, region, variants, keywords, others, tag, base }`, canonical.
 * `keywords` are those of `-u-`. RangeError if it is not well-formed.
 */
function parse(text) {
  const pieces = splitText(StringPrototypeToLowerCase(text), "-");
  let at = 0;
  let language = pieces[at++];
  if (!matches(LANGUAGE, language)) throw bad();
  let script;
  if (matches(SCRIPT, pieces[at])) script = title(pieces[at++]);
  let region;
  if (matches(REGION, pieces[at])) region = StringPrototypeToUpperCase(pieces[at++]);
  const variants = newList();
  while (matches(VARIANT, pieces[at])) {
    for (let i = 0; i < variants.length; i++) if (variants[i] === pieces[at]) throw bad();
    ArrayPrototypePush(variants, pieces[at++]);
  }
  const keywords = { __proto__: null };
  const others = newList();
  let attributes = "";
  const seen = { __proto__: null };
  while (at < pieces.length) {
    const singleton = pieces[at++];
    if (!matches(SINGLETON, singleton) || seen[singleton]) throw bad();
    seen[singleton] = true;
    const from = at;
    const piece = singleton === "x" ? PRIVATE : PIECE;
    while (matches(piece, pieces[at])) at++;
    if (at === from) throw bad();
    if (singleton === "u") attributes = readKeywords(pieces, from, at, keywords);
    else ArrayPrototypePush(others, singleton + "-" + (ArrayPrototypeJoin(ArrayPrototypeSlice(pieces, from, at), "-")));
    if (singleton === "x" && at < pieces.length) throw bad();
  }
  if (language === "sh" && script === undefined) script = "Latn";
  language = LANGUAGES[language] ?? language;
  region = REGIONS[region] ?? region;
  ArrayPrototypeSort(variants);
  const locale = { __proto__: null, language, script, region, variants, keywords, others, attributes };
  locale.base = baseOf(locale);
  locale.tag = tagOf(locale);
  return locale;
}

function readKeywords(pieces, from, to, keywords) {
  let key;
  let attributes = "";
  for (let i = from; i < to; i++) {
    if (pieces[i].length === 2) {
      key = pieces[i];
      if (!matches(KEY, key)) throw bad();
      if (keywords[key] !== undefined) key = "";
      else keywords[key] = "";
    } else if (key === undefined) {
      attributes += "-" + pieces[i];
    } else if (key !== "") {
      keywords[key] += keywords[key] === "" ? pieces[i] : "-" + pieces[i];
    }
  }
  const names = ObjectKeys(keywords);
  for (let i = 0; i < names.length; i++) if (keywords[names[i]] === "true" || keywords[names[i]] === "yes") keywords[names[i]] = "";
  return attributes;
}

function baseOf({ language, script, region, variants }) {
  let text = language;
  if (script !== undefined) text += "-" + script;
  if (region !== undefined) text += "-" + region;
  for (let i = 0; i < variants.length; i++) text += "-" + variants[i];
  return text;
}

/** The tag of a base and keywords; `others` are extensions besides. */
function tagOf({ base, keywords, others = newList(), attributes = "" }) {
  const names = ArrayPrototypeSort(ObjectKeys(keywords));
  let unicode = attributes;
  for (let i = 0; i < names.length; i++) {
    unicode += "-" + names[i];
    if (keywords[names[i]] !== "") unicode += "-" + keywords[names[i]];
  }
  const extensions = ArrayPrototypeSlice(others);
  if (unicode !== "") ArrayPrototypePush(extensions, "u" + unicode);
  // A private part, `x`, comes last whatever the letters of the others.
  ArrayPrototypeSort(extensions, (one, other) => {
    if ((one[0] === "x") !== (other[0] === "x")) return one[0] === "x" ? 1 : -1;
    return one < other ? -1 : 1;
  });
  return extensions.length === 0 ? base : base + "-" + (ArrayPrototypeJoin(extensions, "-"));
}

/** CanonicalizeLocaleList, as parsed locales. */
function list(locales) {
  const found = newList();
  if (locales === undefined) return found;
  if (locales === null) throw new TypeError("Cannot convert undefined or null to object");
  if (typeof locales === "string" || localeOf(locales) !== undefined) {
    ArrayPrototypePush(found, one(locales));
    return found;
  }
  const items = Object(locales);
  const length = items.length;
  for (let i = 0; i < length; i++) {
    if (!(i in items)) continue;
    const locale = one(items[i]);
    let isNew = true;
    for (let j = 0; j < found.length; j++) if (found[j].tag === locale.tag) isNew = false;
    if (isNew) ArrayPrototypePush(found, locale);
  }
  return found;
}

function one(value) {
  if (typeof value === "string") return parse(value);
  if (typeof value !== "object" || value === null) throw new TypeError("Incorrect locale information provided");
  return localeOf(value) ?? parse(String(value));
}

/** The data for a language, script and region, by the standard's lookup: `[tag, name of the data]`. */
function best(base) {
  for (let tag = base; tag !== ""; ) {
    const data = lookup(available, tag);
    if (data !== undefined) return [tag, data];
    let end = tag.length - 1;
    while (end > 0 && tag[end] !== "-") end--;
    if (end >= 2 && tag[end - 2] === "-") end -= 2;
    tag = StringPrototypeSlice(tag, 0, end);
  }
  return undefined;
}

/**
 * ResolveLocale: `{ locale, data, ...values }`. `supported` has for each key (`nu`, `ca`) the values there are, the default
 * first; `options` what was asked for besides the tag.
 */
function resolve(requested, supported, options) {
  let found;
  let asked = { __proto__: null };
  for (let i = 0; i < requested.length && found === undefined; i++) {
    found = best(requested[i].base);
    if (found !== undefined) asked = requested[i].keywords;
  }
  const { 0: tag, 1: data } = found ?? best(DEFAULT);
  const result = { __proto__: null, data };
  const keywords = { __proto__: null };
  const keys = ObjectKeys(supported);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const values = supported[key];
    const has = (value) => includes(values, value);
    result[key] = values[0];
    const wanted = asked[key] === "" ? "true" : asked[key];
    if (wanted !== undefined && has(wanted)) {
      result[key] = wanted;
      keywords[key] = asked[key];
    }
    const option = options[key];
    if (option !== undefined && has(option) && option !== result[key]) {
      result[key] = option;
      delete keywords[key];
    }
  }
  result.locale = tagOf({ base: tag, keywords });
  return result;
}

function includes(values, value) {
  for (let i = 0; i < values.length; i++) if (values[i] === value) return true;
  return false;
}

/** What `supportedLocalesOf` of every class answers. */
function supportedLocalesOf(locales, options) {
  const requested = list(locales);
  if (options !== undefined) option(Object(options), "localeMatcher", ["lookup", "best fit"], "best fit", "Intl");
  const found = [];
  for (let i = 0; i < requested.length; i++) {
    if (best(requested[i].base) !== undefined) append(found, requested[i].tag);
  }
  return found;
}

/** Adds to an array that user code will get, whatever it did to arrays. */
function append(array, value) {
  const index = array.length;
  ObjectDefineProperty(array, index, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

// --- options ---------------------------------------------------------------------------------------------------------

/** GetOption of a string, one of `values` if there are any. */
function option(options, name, values, fallback, owner) {
  const value = options[name];
  if (value === undefined) return fallback;
  const text = String(value);
  if (values !== undefined && !includes(values, text)) {
    throw new RangeError(`Value ${text} out of range for ${owner} options property ${name}`);
  }
  return text;
}

function numberOption(options, name, least, most, fallback) {
  const value = options[name];
  if (value === undefined) return fallback;
  const number = +value;
  if (!(number >= least && number <= most)) throw new RangeError(`${name} value is out of range.`);
  return number - (number % 1);
}

/** Options as ECMA-402 takes them: none are an object without any. */
function optionsOf(options) {
  if (options === undefined) return { __proto__: null };
  if (options === null) throw new TypeError("Cannot convert undefined or null to object");
  return Object(options);
}

/** A keyword's value: `gregory`, `latn`. */
function typeOption(options, name, owner) {
  const value = option(options, name, undefined, undefined, owner);
  if (value !== undefined && !matches(TYPE, StringPrototypeToLowerCase(value))) {
    throw new RangeError(`Invalid ${name} : ${value}`);
  }
  return value === undefined ? undefined : StringPrototypeToLowerCase(value);
}

// --- data ------------------------------------------------------------------------------------------------------------

const loaded = new SafeMap();

/** A piece of a locale's data: "dates", "numbers" and so on of build/intl.mjs, parsed once. */
function data(name, piece) {
  let entry = loaded.get(name);
  if (entry === undefined) {
    entry = { texts: loadScript("prelude/intl-" + name), parsed: { __proto__: null } };
    loaded.set(name, entry);
  }
  const text = entry.texts[piece];
  if (typeof text !== "string" || piece === "letters") return text;
  return (entry.parsed[piece] ??= JSONParse(text));
}

// --- Intl.Locale -----------------------------------------------------------------------------------------------------

const locales = new WeakMap();
const localeOf = (value) => (typeof value === "object" && value !== null ? WeakMapPrototypeGet(locales, value) : undefined);

function own(value, method) {
  const locale = localeOf(value);
  if (locale === undefined) {
    throw new TypeError(`Method Intl.Locale.prototype.${method} called on incompatible receiver ${String(value)}`);
  }
  return locale;
}

const KEYWORDS = { __proto__: null, calendar: "ca", collation: "co", hourCycle: "hc", caseFirst: "kf", numberingSystem: "nu", firstDayOfWeek: "fw" };

/** The script and region that a language most likely comes with. */
function maximal({ language, script, region }) {
  const found = (region !== undefined && lookup(likely, language + "-" + region)) || lookup(likely, language);
  if (found === undefined) return { script, region };
  const { 0: aScript, 1: aRegion } = splitText(found, "-");
  return { script: script ?? aScript, region: region ?? aRegion };
}

function changed(locale, parts) {
  const next = { __proto__: null, ...locale, ...parts };
  next.base = baseOf(next);
  next.tag = tagOf(next);
  return new Locale(next.tag);
}

class Locale {
  constructor(tag, given) {
    if (typeof tag !== "string" && (typeof tag !== "object" || tag === null)) {
      throw new TypeError("First argument to Intl.Locale constructor can't be empty or missing");
    }
    const options = optionsOf(given);
    let locale = localeOf(tag) ?? parse(String(tag));
    const piece = (name, pattern, shape) => {
      const value = option(options, name, undefined, undefined, "Intl.Locale");
      if (value === undefined) return locale[name];
      if (!matches(pattern, StringPrototypeToLowerCase(value))) throw bad();
      return shape(StringPrototypeToLowerCase(value));
    };
    const language = piece("language", LANGUAGE, (text) => LANGUAGES[text] ?? text);
    const script = piece("script", SCRIPT, title);
    const region = piece("region", REGION, (text) => REGIONS[StringPrototypeToUpperCase(text)] ?? StringPrototypeToUpperCase(text));
    const keywords = { __proto__: null, ...locale.keywords };
    const names = ObjectKeys(KEYWORDS);
    for (let i = 0; i < names.length; i++) {
      const values = { __proto__: null, hourCycle: ["h11", "h12", "h23", "h24"], caseFirst: ["upper", "lower", "false"] }[names[i]];
      const value = values ? option(options, names[i], values, undefined, "Intl.Locale") : typeOption(options, names[i], "Intl.Locale");
      if (value !== undefined) keywords[KEYWORDS[names[i]]] = value;
    }
    if (options.numeric !== undefined) keywords.kn = options.numeric ? "" : "false";
    locale = { __proto__: null, ...locale, language, script, region, keywords };
    locale.base = baseOf(locale);
    locale.tag = tagOf(locale);
    WeakMapPrototypeSet(locales, this, locale);
  }

  toString() {
    return own(this, "toString").tag;
  }

  maximize() {
    const locale = own(this, "maximize");
    return changed(locale, maximal(locale));
  }

  minimize() {
    const locale = own(this, "minimize");
    const full = maximal(locale);
    const fits = (parts) => {
      const other = maximal({ language: locale.language, ...parts });
      return other.script === full.script && other.region === full.region;
    };
    const none = { script: undefined, region: undefined };
    if (full.script === undefined || fits(none)) return changed(locale, none);
    if (fits({ region: full.region })) return changed(locale, { script: undefined, region: full.region });
    if (fits({ script: full.script })) return changed(locale, { script: full.script, region: undefined });
    return changed(locale, full);
  }

  get baseName() {
    return own(this, "baseName").base;
  }

  get language() {
    return own(this, "language").language;
  }

  get script() {
    return own(this, "script").script;
  }

  get region() {
    return own(this, "region").region;
  }

  get numeric() {
    const { kn } = own(this, "numeric").keywords;
    return kn === "";
  }

  get calendar() {
    return own(this, "calendar").keywords.ca;
  }

  get collation() {
    return own(this, "collation").keywords.co;
  }

  get hourCycle() {
    return own(this, "hourCycle").keywords.hc;
  }

  get caseFirst() {
    return own(this, "caseFirst").keywords.kf;
  }

  get numberingSystem() {
    return own(this, "numberingSystem").keywords.nu;
  }
}

// --- functions of Intl -----------------------------------------------------------------------------------------------

const functions = {
  getCanonicalLocales(locales) {
    const found = list(locales);
    const tags = [];
    for (let i = 0; i < found.length; i++) append(tags, found[i].tag);
    return tags;
  },
  supportedValuesOf(key) {
    const name = String(key);
    const values = {
      __proto__: null,
      calendar: "gregory iso8601",
      collation: "",
      currency: CURRENCIES,
      numberingSystem: "latn",
      timeZone: ZONE_NAMES,
      unit: UNITS,
    }[name];
    if (values === undefined) throw new RangeError(`Invalid key : ${name}`);
    const pieces = splitText(values, " ");
    const found = [];
    for (let i = 0; i < pieces.length; i++) if (pieces[i] !== "") append(found, pieces[i]);
    return found;
  },
};

/** Puts a class of `Intl` in its place: `Intl.Name`, with its tag and `supportedLocalesOf`. */
function expose(name, Class, isPlain = false) {
  ObjectDefineProperty(Class.prototype, SymbolToStringTag, { __proto__: null, value: `Intl.${name}`, configurable: true });
  if (!isPlain) {
    const of = { supportedLocalesOf: (locales, options = undefined) => supportedLocalesOf(locales, options) };
    define(Class, "supportedLocalesOf", of.supportedLocalesOf);
  }
  define(namespace, name, Class);
}

export function install() {
  const first = (locales) => list(locales)[0] ?? parse(DEFAULT);
  intl.core = { __proto__: null, list, first, resolve, append, option, numberOption, optionsOf, typeOption, data, expose, lookup };
  ObjectDefineProperty(Locale, "length", { __proto__: null, value: 1, configurable: true });
  expose("Locale", Locale, true);
  define(namespace, "getCanonicalLocales", functions.getCanonicalLocales);
  define(namespace, "supportedValuesOf", functions.supportedValuesOf);
}
