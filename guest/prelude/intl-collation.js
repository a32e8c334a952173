// `Intl.Collator`, and what `localeCompare` stands on: the root order of CLDR, as ICU told it (build/intl.mjs), with the
// letters that a language sorts as its own. Letters come before accents, accents before case.

import {
  ArrayPrototypePush,
  Boolean,
  MathMin,
  ObjectDefineProperty,
  SafeMap,
  String,
  StringFromCharCode,
  StringPrototypeCharCodeAt,
  StringPrototypeCodePointAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeToUpperCase,
  TypeError,
  WeakMap,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
  newList,
  splitText,
  uncurryThis,
} from "./primordials.js";
import { define } from "./expose.js";
import { intl, need } from "./intl.js";
import { ORDER } from "./intl-orders.js";

const normalize = uncurryThis(String.prototype.normalize);

const OWNER = "Intl.Collator";

const { order, marks, ignored, lastIgnorable, lastBeforeEmoji } = ORDER;

/** The steps in `order` from one character to the next: another letter, accent, case, or only another character. */
const LETTER = 1;
const CASE = 3;
const SAME = 4;

/** Between the weights of two neighbours in `order`, for letters that languages put there. */
const ROOM = 1024;

/** Behind everything in `order`: Han, and what else ICU sorts by its number. */
const BEYOND = 100_000 * ROOM;

/** Characters that are several letters. */
const EXPANSIONS = { __proto__: null, "\u00df": "ss", "\u1e9e": "SS", "\u00e6": "ae", "\u00c6": "AE", "\u0153": "oe", "\u0152": "OE" };

const ignoredSpans = newList();
for (const span of ignored.split(",")) {
  for (const bound of span.split("-")) ArrayPrototypePush(ignoredSpans, parseInt(bound, 36));
}

function isIgnored(code) {
  for (let i = 0; i < ignoredSpans.length; i += 2) if (code >= ignoredSpans[i] && code <= ignoredSpans[i + 1]) return true;
  return false;
}

// --- weights ---------------------------------------------------------------------------------------------------------

/** One weight on each level, in one number: letter * 2^20 + accent * 2^8 + case. */
const weight = (letter, accent, kind) => (letter * 4096 + accent) * 256 + kind;
const letterOf = (element) => (element - (element % 1_048_576)) / 1_048_576;
const accentOf = (element) => ((element % 1_048_576) - (element % 256)) / 256;
const kindOf = (element) => element % 256;

/** How a character sorts by itself in the root order: its element, 0 for none. */
function rootElement(text) {
  const code = StringPrototypeCodePointAt(text, 0);
  const mark = StringPrototypeIndexOf(marks, text);
  if (mark !== -1 && code > 4) {
    let step = 2;
    for (let i = 0; i < mark; i++) if (StringPrototypeCharCodeAt(marks, i) === LETTER) step++;
    return weight(0, step, 0);
  }
  const at = code > 4 && code < 0x10000 ? StringPrototypeIndexOf(order, text) : -1;
  if (at === -1) {
    if (isIgnored(code)) return 0;
    // Pictures, which are symbols: four by four in the room behind those that come before them.
    if (code >= 0x1f000 && code < 0x1fb00) return rootElement(lastBeforeEmoji) + weight(1 + ((code - 0x1f000) >> 2), code % 4, 0);
    return weight(BEYOND + code, 0, 0);
  }
  // Its place is its weight: back over cases to its accent, back over accents to its letter.
  let accent = 0;
  let kind = 0;
  let i = at;
  for (; i > 0; i -= 2) {
    const step = StringPrototypeCharCodeAt(order, i - 1);
    if (step === LETTER) break;
    if (step === SAME) continue;
    if (step === CASE) {
      if (accent === 0) kind++;
    } else accent++;
  }
  // Below the marks that accents are otherwise made of.
  return weight((i + 1) * ROOM, accent === 0 ? 0 : 1000 + accent, MathMin(kind, 100));
}

const roots = new SafeMap();

function rootOf(text) {
  let element = roots.get(text);
  if (element === undefined) {
    element = rootElement(text);
    if (roots.size < 5000) roots.set(text, element);
  }
  return element;
}

/** Hangul stands before Hiragana. */
const HANGUL = letterOf(rootElement("\u3042")) - ROOM - 0x1100;

/** The elements of a text, as a list of numbers, by the rules of `slots`. */
function elementsOf(slots, text) {
  const elements = newList();
  const { isNumeric, skipsTo, letters } = slots;
  const composed = normalize(text, letters === undefined ? "NFD" : "NFC");
  for (let i = 0; i < composed.length; i++) {
    const code = StringPrototypeCharCodeAt(composed, i);
    if (isNumeric && code >= 0x30 && code <= 0x39) {
      i = number(elements, composed, i);
      continue;
    }
    const isPair = code >= 0xd800 && code < 0xdc00 && i + 1 < composed.length;
    const one = StringPrototypeSlice(composed, i, isPair ? i + 2 : i + 1);
    if (isPair) i++;
    add(slots, elements, one, code, skipsTo, letters);
  }
  return elements;
}

function add(slots, elements, one, code, skipsTo, letters) {
  if (letters !== undefined) {
    const own = letters.get(one);
    if (own !== undefined) {
      ArrayPrototypePush(elements, own);
      return;
    }
  }
  if (code < 0x80) {
    push(elements, rootOf(one), skipsTo);
    return;
  }
  if (EXPANSIONS[one] !== undefined) {
    // Like an accent on the first of them.
    push(elements, rootOf(EXPANSIONS[one][0]) + 256, -1);
    push(elements, rootOf(EXPANSIONS[one][1]), -1);
    return;
  }
  const plain = normalize(one, "NFKD");
  const isOther = plain !== normalize(one, "NFD");
  for (let i = 0; i < plain.length; i++) {
    const unit = StringPrototypeCharCodeAt(plain, i);
    const isPair = unit >= 0xd800 && unit < 0xdc00 && i + 1 < plain.length;
    const piece = StringPrototypeSlice(plain, i, isPair ? i + 2 : i + 1);
    if (isPair) i++;
    const element = unit >= 0x1100 && unit < 0x1200 ? weight(HANGUL + unit, 0, 0) : rootOf(piece);
    // A compatibility form differs from the plain one as cases do.
    push(elements, isOther && element !== 0 ? element + 101 : element, skipsTo);
  }
}

function push(elements, element, skipsTo) {
  if (element !== 0 && (letterOf(element) > skipsTo || letterOf(element) === 0)) ArrayPrototypePush(elements, element);
}

/** Adds a run of digits as the number that they are: first how long it is, then its digits. The index of the last one. */
function number(elements, text, from) {
  let end = from;
  while (end < text.length && isDigit(StringPrototypeCharCodeAt(text, end))) end++;
  let start = from;
  while (start < end - 1 && StringPrototypeCharCodeAt(text, start) === 0x30) start++;
  ArrayPrototypePush(elements, DIGIT);
  ArrayPrototypePush(elements, weight(end - start, 0, 0));
  for (let i = start; i < end; i++) ArrayPrototypePush(elements, rootOf(text[i]));
  return end - 1;
}

const isDigit = (code) => code >= 0x30 && code <= 0x39;
const DIGIT = rootElement("0");

// --- comparison ------------------------------------------------------------------------------------------------------

/** The lesser, equal or greater one of two lists by one level of their elements, those of weight 0 left out. */
function compareLevel(one, other, level) {
  let i = 0;
  let j = 0;
  for (;;) {
    let first = 0;
    let second = 0;
    while (i < one.length && (first = level(one[i])) === 0) i++;
    while (j < other.length && (second = level(other[j])) === 0) j++;
    if (i >= one.length) first = -1;
    if (j >= other.length) second = -1;
    if (first !== second) return first < second ? -1 : 1;
    if (first === -1) return 0;
    i++;
    j++;
  }
}

const accents = (element) => (letterOf(element) === 0 ? accentOf(element) : accentOf(element) + 1);
const kinds = (element) => (letterOf(element) === 0 ? 0 : kindOf(element) + 1);
const kindsUpperFirst = (element) => (letterOf(element) === 0 ? 0 : 256 - kindOf(element));
/** Small or capital, and nothing else that may differ. */
const cases = (element) => (letterOf(element) === 0 ? 0 : kindOf(element) % 101 > 0 ? 2 : 1);

function compareWith(slots, one, other) {
  if (one === other) return 0;
  const first = elementsOf(slots, one);
  const second = elementsOf(slots, other);
  const { sensitivity, caseFirst } = slots;
  const byLetter = compareLevel(first, second, letterOf);
  if (byLetter !== 0 || sensitivity === "base") return byLetter;
  if (sensitivity === "case") return compareLevel(first, second, cases);
  const byAccent = compareLevel(first, second, accents);
  if (byAccent !== 0 || sensitivity === "accent") return byAccent;
  return compareLevel(first, second, caseFirst === "upper" ? kindsUpperFirst : kinds);
}

// --- languages -------------------------------------------------------------------------------------------------------

const tailored = new SafeMap();

/** The letters that sort in places of their own in a language, with their elements; undefined if there are none. */
function lettersOf(data) {
  if (tailored.has(data)) return tailored.get(data);
  const text = need("core").data(data, "letters");
  let found;
  if (text !== "") {
    found = new SafeMap();
    const groups = splitText(text, " ");
    for (let i = 0; i < groups.length; i++) {
      const before = letterOf(rootOf(groups[i][0]));
      for (let j = 1; j < groups[i].length; j++) {
        const letter = groups[i][j];
        const element = weight(before + j, 0, 0);
        found.set(letter, element);
        const capital = StringPrototypeToUpperCase(letter);
        if (capital.length === 1) found.set(capital, element + 1);
      }
    }
  }
  tailored.set(data, found);
  return found;
}

// --- the class -------------------------------------------------------------------------------------------------------

const SUPPORTED = { __proto__: null, kf: ["false", "lower", "upper"], kn: ["false", "true"], co: ["default"] };

function slotsFor(locales, given) {
  const { list, option, optionsOf, typeOption, resolve } = need("core");
  const requested = list(locales);
  const options = optionsOf(given);
  const usage = option(options, "usage", ["sort", "search"], "sort", OWNER);
  option(options, "localeMatcher", ["lookup", "best fit"], undefined, OWNER);
  typeOption(options, "collation", OWNER);
  const kn = options.numeric === undefined ? undefined : String(Boolean(options.numeric));
  const kf = option(options, "caseFirst", ["upper", "lower", "false"], undefined, OWNER);
  const resolved = resolve(requested, SUPPORTED, { __proto__: null, kn, kf });
  const sensitivity = option(options, "sensitivity", ["base", "accent", "case", "variant"], "variant", OWNER);
  const ignorePunctuation = options.ignorePunctuation === undefined ? false : Boolean(options.ignorePunctuation);
  return {
    __proto__: null,
    usage,
    locale: resolved.locale,
    sensitivity,
    ignorePunctuation,
    numeric: resolved.kn === "true",
    caseFirst: resolved.kf,
    isNumeric: resolved.kn === "true",
    skipsTo: ignorePunctuation ? letterOf(rootOf(lastIgnorable)) : -1,
    letters: lettersOf(resolved.data),
  };
}

const collators = new WeakMap();

function slotsOf(value, method) {
  const slots = typeof value === "object" && value !== null ? WeakMapPrototypeGet(collators, value) : undefined;
  if (slots === undefined) {
    throw new TypeError(`Method ${OWNER}.prototype.${method} called on incompatible receiver ${String(value)}`);
  }
  return slots;
}

function Collator(locales, options) {
  const slots = slotsFor(locales, options);
  const made = { __proto__: new.target === undefined ? Collator.prototype : new.target.prototype };
  WeakMapPrototypeSet(collators, made, slots);
  return made;
}

const members = {
  get compare() {
    const slots = slotsOf(this, "compare");
    slots.bound ??= (x, y) => compareWith(slots, String(x), String(y));
    return slots.bound;
  },
  resolvedOptions() {
    const { locale, usage, sensitivity, ignorePunctuation, numeric, caseFirst } = slotsOf(this, "resolvedOptions");
    return { locale, usage, sensitivity, ignorePunctuation, collation: "default", numeric, caseFirst };
  },
};

const plain = new SafeMap();

/** `String.prototype.localeCompare`. */
function compare(one, other, locales, options) {
  const isPlain = options === undefined && (locales === undefined || typeof locales === "string");
  let slots = isPlain ? plain.get(locales) : undefined;
  if (slots === undefined) {
    slots = slotsFor(locales, options);
    if (isPlain && plain.size < 100) plain.set(locales, slots);
  }
  return compareWith(slots, one, other);
}

export function install() {
  const { expose } = need("core");
  const { get } = Object.getOwnPropertyDescriptor(members, "compare");
  ObjectDefineProperty(Collator.prototype, "compare", { __proto__: null, get, configurable: true });
  define(Collator.prototype, "resolvedOptions", members.resolvedOptions);
  ObjectDefineProperty(Collator, "length", { __proto__: null, value: 0, configurable: true });
  ObjectDefineProperty(Collator, "prototype", { __proto__: null, writable: false });
  expose("Collator", Collator);
  intl.collation = { __proto__: null, compare };
  // What is in most texts, so that it lies in the image.
  for (let code = 0x20; code < 0x7f; code++) rootOf(StringFromCharCode(code));
  compare("a", "b");
}
