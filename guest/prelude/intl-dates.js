// `Intl.DateTimeFormat`, and what the methods of Date stand on. Patterns are ICU's own answers, one for each combination of
// options (build/intl.mjs); here they are only chosen, put together and filled in. The calendar is the Gregorian one.

import {
  ArrayPrototypePush,
  Boolean,
  Date,
  MathFloor,
  NumberParseInt,
  ObjectDefineProperty,
  RangeError,
  SafeMap,
  String,
  StringPrototypeCharCodeAt,
  StringPrototypeEndsWith,
  StringPrototypeIndexOf,
  StringPrototypePadStart,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  TypeError,
  WeakMap,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
  newList,
  replaceText,
  splitText,
} from "./primordials.js";
import { define } from "./expose.js";
import { intl, need } from "./intl.js";
import { canonicalZone, civil, offsetAt, zoneNumber } from "./intl-zones.js";

const { now } = Date;

const OWNER = "Intl.DateTimeFormat";
const WIDTHS = ["short", "long", "narrow"];
const NUMERIC = ["numeric", "2-digit"];
const MONTHS = ["numeric", "2-digit", "short", "long", "narrow"];
const STYLES = ["full", "long", "medium", "short"];
const ZONE_STYLES = ["short", "long", "shortOffset", "longOffset", "shortGeneric", "longGeneric"];
const CYCLES = ["h12", "h23", "h11", "h24"];

/** The options that name fields, in the order in which they are read, and their values. */
const FIELDS = [
  ["weekday", WIDTHS], ["era", WIDTHS], ["year", NUMERIC], ["month", MONTHS], ["day", NUMERIC], ["dayPeriod", WIDTHS],
  ["hour", NUMERIC], ["minute", NUMERIC], ["second", NUMERIC], ["fractionalSecondDigits"], ["timeZoneName", ZONE_STYLES],
];

const LETTERS = {
  __proto__: null, y: "year", M: "month", L: "month", d: "day", E: "weekday", G: "era", h: "hour", m: "minute", s: "second",
  a: "dayPeriod", B: "dayPeriod", z: "timeZoneName", f: "fractionalSecond",
};

const SUPPORTED = { __proto__: null, ca: ["gregory", "iso8601"], hc: [undefined, ...CYCLES], nu: ["latn"] };

const rank = (values, value) => {
  for (let i = 0; i < values.length; i++) if (values[i] === value) return i + 1;
  return 0;
};

// --- construction ----------------------------------------------------------------------------------------------------

const formats = new WeakMap();

function slotsOf(value, method) {
  const slots = typeof value === "object" && value !== null ? WeakMapPrototypeGet(formats, value) : undefined;
  if (slots === undefined) {
    throw new TypeError(`Method ${OWNER}.prototype.${method} called on incompatible receiver ${String(value)}`);
  }
  return slots;
}

function slotsFor(locales, given, required, defaults) {
  const { list, option, numberOption, optionsOf, typeOption, resolve, data } = need("core");
  const requested = list(locales);
  const options = optionsOf(given);
  option(options, "localeMatcher", ["lookup", "best fit"], undefined, OWNER);
  const ca = typeOption(options, "calendar", OWNER);
  const nu = typeOption(options, "numberingSystem", OWNER);
  const hour12 = options.hour12 === undefined ? undefined : Boolean(options.hour12);
  let hc = option(options, "hourCycle", CYCLES, undefined, OWNER);
  if (hour12 !== undefined) hc = undefined;
  const resolved = resolve(requested, SUPPORTED, { __proto__: null, ca, hc, nu });
  const zone = options.timeZone;
  const timeZone = zone === undefined ? "UTC" : canonicalZone(String(zone));
  if (timeZone === undefined) throw new RangeError(`Invalid time zone specified: ${String(zone)}`);
  const fields = { __proto__: null };
  let isAny = false;
  for (let i = 0; i < FIELDS.length; i++) {
    const { 0: name, 1: values } = FIELDS[i];
    const value = values ? option(options, name, values, undefined, OWNER) : numberOption(options, name, 1, 3, undefined);
    fields[name] = value;
    if (value !== undefined) isAny = true;
  }
  option(options, "formatMatcher", ["basic", "best fit"], undefined, OWNER);
  const dateStyle = option(options, "dateStyle", STYLES, undefined, OWNER);
  const timeStyle = option(options, "timeStyle", STYLES, undefined, OWNER);
  const slots = { __proto__: null, fields, timeZone, dateStyle, timeStyle, calendar: resolved.ca, locale: resolved.locale };
  if (dateStyle !== undefined || timeStyle !== undefined) {
    if (isAny) {
      for (let i = 0; i < FIELDS.length; i++) {
        if (fields[FIELDS[i][0]] !== undefined) {
          throw new TypeError(`Can't set option ${FIELDS[i][0]} when ${dateStyle === undefined ? "timeStyle" : "dateStyle"} is used`);
        }
      }
    }
    if (required === "date" && timeStyle !== undefined) throw new TypeError("Invalid option : timeStyle");
    if (required === "time" && dateStyle !== undefined) throw new TypeError("Invalid option : dateStyle");
  } else {
    addDefaults(fields, required, defaults);
  }
  slots.texts = data(resolved.data, "dates");
  slots.data = resolved.data;
  const { cycles } = slots.texts;
  slots.hourCycle = hour12 === undefined ? (resolved.hc ?? cycles[0]) : cycles[hour12 ? 1 : 2];
  slots.isTwelve = slots.hourCycle === "h12" || slots.hourCycle === "h11";
  slots.pieces = piecesOf(patternFor(slots), fields);
  return slots;
}

function addDefaults(fields, required, defaults) {
  const { weekday, year, month, day, dayPeriod, hour, minute, second, fractionalSecondDigits } = fields;
  const none = (one, two, three, four, five) =>
    one === undefined && two === undefined && three === undefined && four === undefined && five === undefined;
  let isNeeded = true;
  if (required !== "time" && !none(weekday, year, month, day)) isNeeded = false;
  if (required !== "date" && !none(dayPeriod, hour, minute, second, fractionalSecondDigits)) isNeeded = false;
  if (!isNeeded) return;
  if (defaults !== "time") fields.year = fields.month = fields.day = "numeric";
  if (defaults !== "date") fields.hour = fields.minute = fields.second = "numeric";
}

/** Where in `times` of the data the pattern for these fields is; see `timeCombinations` of build/intl.mjs. */
function timePlace(fields, second, isTwelve) {
  const { hour, minute, dayPeriod, timeZoneName } = fields;
  let place = (rank(NUMERIC, hour) * 3 + rank(NUMERIC, minute)) * 3 + rank(NUMERIC, second);
  place = place * 2 + (isTwelve ? 0 : 1);
  place = place * 2 + (dayPeriod === undefined ? 0 : 1);
  return place * 2 + (timeZoneName === undefined ? 0 : 1);
}

function datePlace({ era, weekday, year, month, day }) {
  const place = ((era === undefined ? 0 : 1) * 4 + rank(WIDTHS, weekday)) * 3 + rank(NUMERIC, year);
  return (place * 6 + rank(MONTHS, month)) * 3 + rank(NUMERIC, day);
}

function chosen({ patterns }, text, place) {
  const code = StringPrototypeCharCodeAt(text, place) - 0x30;
  return patterns[code < 0x4f ? code : code - 0x21];
}

const glued = (glue, date, time) => replaceText(replaceText(glue, "{1}", date), "{0}", time);

function patternFor({ texts, fields, dateStyle, timeStyle, isTwelve }) {
  if (dateStyle !== undefined || timeStyle !== undefined) {
    const at = rank(STYLES, dateStyle) - 1;
    const date = texts.dateStyles[at];
    const time = texts.timeStyles[isTwelve ? 0 : 1][rank(STYLES, timeStyle) - 1];
    if (time === undefined) return date;
    return date === undefined ? time : glued(texts.styleGlue[at], date, time);
  }
  const { weekday, era, year, month, day, dayPeriod, hour, minute, timeZoneName, fractionalSecondDigits: digits } = fields;
  // A fraction is one of a second, except where it stands alone.
  const isPart = digits !== undefined && (hour !== undefined || minute !== undefined);
  const second = fields.second ?? (isPart ? "numeric" : undefined);
  const isDate = (weekday ?? era ?? year ?? month ?? day) !== undefined;
  const isClock = (dayPeriod ?? hour ?? minute ?? second) !== undefined;
  const place = timePlace(fields, second, isTwelve);
  const isDayOnly = weekday !== undefined && (era ?? year ?? month ?? day) === undefined;
  let pattern;
  if (!isDate) pattern = isClock || timeZoneName !== undefined ? chosen(texts, texts.times, place) : "";
  else if (isDayOnly && (isClock || timeZoneName !== undefined)) pattern = chosen(texts, texts.weekdayTimes[rank(WIDTHS, weekday) - 1], place);
  else {
    pattern = chosen(texts, texts.days, datePlace(fields));
    const kind = month === "long" ? (weekday === undefined ? 2 : 3) : month === "short" ? 1 : 0;
    if (isClock) pattern = glued(texts.glue[kind], pattern, chosen(texts, texts.times, place));
    else if (timeZoneName !== undefined) pattern = glued(texts.zoneGlue[kind], pattern, "{z}");
  }
  if (digits === undefined) return pattern;
  if (second === undefined) return pattern === "" ? "{f}" : pattern + " {f}";
  const put = (text, field) => replaceText(text, field, field + texts.decimal + "{f}");
  return put(put(put(pattern, "{s}"), "{s1}"), "{s2}");
}

/** A pattern as a list of pieces: texts, and fields `{ letter, type, style, isEnd }`, whose style is as requested if it has none. */
function piecesOf(pattern, fields) {
  const pieces = newList();
  let at = 0;
  while (at < pattern.length) {
    let from = StringPrototypeIndexOf(pattern, "{", at);
    if (from === -1) from = pattern.length;
    if (from > at) ArrayPrototypePush(pieces, StringPrototypeSlice(pattern, at, from));
    if (from === pattern.length) break;
    const end = StringPrototypeIndexOf(pattern, "}", from);
    const letter = pattern[from + 1];
    const type = LETTERS[letter];
    const style = end > from + 2 ? pattern[from + 2] : styleOf(letter, fields[type]);
    at = end + 1;
    const isEnd = pattern[at] === "'";
    if (isEnd) at++;
    ArrayPrototypePush(pieces, { letter, type, style, isEnd });
  }
  return pieces;
}

/** The character that stands for a requested style in patterns. */
function styleOf(letter, requested) {
  if (requested === "2-digit") return "2";
  const width = rank(WIDTHS, requested);
  if (width === 0) return "1";
  return String(width + (letter === "L" ? 5 : 2));
}

// --- formatting ------------------------------------------------------------------------------------------------------

/** A moment in the zone of a format, by the names of fields. */
function local(slots, ms) {
  const offset = offsetAt(slots.timeZone, ms);
  const there = ms + offset * 1000;
  const days = MathFloor(there / 86_400_000);
  const rest = there - days * 86_400_000;
  const { year, month, day } = civil(days);
  return {
    __proto__: null,
    ms,
    offset,
    year,
    month,
    day,
    weekday: (((days + 4) % 7) + 7) % 7,
    hour: MathFloor(rest / 3_600_000),
    minute: MathFloor(rest / 60_000) % 60,
    second: MathFloor(rest / 1000) % 60,
    fraction: rest % 1000,
  };
}

const two = (number) => (number < 10 ? ("0" + number) : number < 100 ? ("" + number) : two(number % 100));

/** Names in `lists` by the style of a field, or its number in `style` 1 or 2. */
function named(texts, list, alone, style, index) {
  const code = StringPrototypeCharCodeAt(style, 0) - 0x30;
  if (code >= 3 && code <= 5) return list[code - 3][index];
  if (code >= 6 && code <= 8) return alone[code - 6][index];
  return splitText(texts.own[code - 0x31], "|")[index];
}

function valueOf(slots, { letter, style }, time) {
  const { texts } = slots;
  switch (letter) {
    case "y": {
      const year = time.year > 0 ? time.year : 1 - time.year;
      return style === "2" ? two(year) : "" + year;
    }
    case "M":
    case "L":
      if (style === "1") return "" + (time.month + 1);
      if (style === "2") return two(time.month + 1);
      return named(texts, texts.month, texts.monthAlone, style, time.month);
    case "d":
      return style === "2" ? two(time.day) : "" + time.day;
    case "E":
      return named(texts, texts.weekday, texts.weekday, style, time.weekday);
    case "G":
      return named(texts, texts.era, texts.era, style === "1" ? "3" : style, time.year > 0 ? 0 : 1);
    case "h": {
      let { hour } = time;
      const { hourCycle } = slots;
      if (hourCycle === "h12") hour = hour % 12 === 0 ? 12 : hour % 12;
      else if (hourCycle === "h11") hour %= 12;
      else if (hourCycle === "h24" && hour === 0) hour = 24;
      return style === "2" ? two(hour) : "" + hour;
    }
    case "m":
      return style === "2" ? two(time.minute) : "" + time.minute;
    case "s":
      return style === "2" ? two(time.second) : "" + time.second;
    case "f":
      return StringPrototypeSlice(StringPrototypePadStart("" + time.fraction, 3, "0"), 0, slots.fields.fractionalSecondDigits);
    case "a":
      return texts.half[time.hour < 12 ? 0 : 1];
    case "B": {
      const isFull = time.minute === 0 && time.second === 0;
      return texts.period[(rank(WIDTHS, slots.fields.dayPeriod) || 1) - 1][time.hour + (isFull ? 0 : 24)];
    }
    default:
      return zoneText(slots, time);
  }
}

/** `GMT+5:30`, or `GMT+05:30`, in the words of the locale. */
function offsetText({ texts }, offset, isLong) {
  const place = isLong ? 1 : 0;
  if (offset === 0) return texts.offsets[2][place];
  const form = texts.offsets[offset < 0 ? 1 : 0][place];
  const seconds = offset < 0 ? -offset : offset;
  const hours = MathFloor(seconds / 3600);
  const minutes = MathFloor(seconds / 60) % 60;
  const rest = seconds % 60;
  let text = isLong ? two(hours) : "" + hours;
  if (isLong || minutes !== 0 || rest !== 0) text += ":" + two(minutes);
  if (rest !== 0) text += ":" + two(rest);
  return replaceText(form, isLong ? "05:30" : "5:30", text);
}

// 2024, by which the data tells standard and daylight time of a zone apart.
const WINTER = 1_705_276_800_000;
const SUMMER = 1_721_001_600_000;

const zoneNames = new SafeMap();

/** The names of a zone in the order of the data: short and long, standard and daylight; short and long generic. */
function namesOf({ data, timeZone }) {
  const key = data + " " + timeZone;
  let names = zoneNames.get(key);
  if (names === undefined) {
    names = newList();
    const { strings, index } = need("core").data(data, "zones");
    const number = zoneNumber(timeZone);
    for (let i = 0; i < 6; i++) {
      // Six numbers of two digits in base 36 for each zone.
      const at = number * 12 + i * 2;
      ArrayPrototypePush(names, number === -1 ? "" : strings[NumberParseInt(StringPrototypeSlice(index, at, at + 2), 36)]);
    }
    zoneNames.set(key, names);
  }
  return names;
}

function zoneText(slots, { ms, offset }) {
  const { timeZone, timeStyle } = slots;
  const style = slots.fields.timeZoneName ?? (timeStyle === "full" ? "long" : "short");
  const isLong = StringPrototypeStartsWith(style, "long");
  if (StringPrototypeEndsWith(style, "Offset")) return offsetText(slots, offset, isLong);
  const names = namesOf(slots);
  let name = "";
  if (StringPrototypeEndsWith(style, "Generic")) {
    name = names[isLong ? 5 : 4];
  } else if (ms >= 0 || timeZone === "UTC") {
    // Names hold for the offsets that the zone has today, and ICU knows none from before 1970.
    const winter = offsetAt(timeZone, WINTER);
    const summer = offsetAt(timeZone, SUMMER);
    const standard = winter < summer ? winter : summer;
    if (offset === standard) name = names[isLong ? 2 : 0];
    else if (offset === winter || offset === summer) name = names[isLong ? 3 : 1];
  }
  return name === "" ? offsetText(slots, offset, isLong) : name;
}

function text(slots, pieces, start, end) {
  let written = "";
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i];
    written += typeof piece === "string" ? piece : valueOf(slots, piece, piece.isEnd ? end : start);
  }
  return written;
}

function clipped(value) {
  const ms = value === undefined ? now() : +value;
  if (!(ms >= -864e13 && ms <= 864e13)) throw new RangeError("Invalid time value");
  return ms < 0 ? -MathFloor(-ms) : MathFloor(ms);
}

// As V8 does, and only here: parts and ranges keep the narrow space before AM and PM.
const formatted = (slots, ms) => replaceText(text(slots, slots.pieces, local(slots, ms)), "\u202f", " ");

// --- ranges ----------------------------------------------------------------------------------------------------------

/** The field in which two moments differ first, by its place in `ranges` of the data; -1 if none of those. */
function difference(start, end) {
  if (start.year !== end.year) return 0;
  if (start.month !== end.month) return 1;
  if (start.day !== end.day) return 2;
  if (start.hour < 12 !== end.hour < 12) return 3;
  if (start.hour !== end.hour) return 4;
  return start.minute === end.minute ? -1 : 5;
}

/** Pieces of a range, of which those of the end are marked; null where both ends look the same. */
function rangePieces(slots, start, end) {
  const { texts, fields, dateStyle, timeStyle, isTwelve } = slots;
  const { weekday, era, year, month, day, hour, minute, second, dayPeriod, timeZoneName, fractionalSecondDigits } = fields;
  const place = difference(start, end);
  const keyFor = (isDate) => {
    const isClock = hour !== undefined || timeStyle !== undefined;
    const key = [
      isDate ? weekday : undefined, isDate ? era : undefined, isDate ? year : undefined, isDate ? month : undefined,
      isDate ? day : undefined, isDate ? undefined : hour, isDate ? undefined : minute, !isDate && isClock ? isTwelve : undefined,
      isDate ? dateStyle : undefined, isDate ? undefined : timeStyle,
    ];
    let joined = "";
    for (let i = 0; i < key.length; i++) joined += (i > 0 ? "," : "") + (key[i] ?? "");
    return joined;
  };
  const isDate = (weekday ?? era ?? year ?? month ?? day ?? dateStyle) !== undefined;
  const isClock = (hour ?? minute ?? second ?? timeStyle ?? dayPeriod ?? fractionalSecondDigits) !== undefined;
  const isPlain = (second ?? dayPeriod ?? timeZoneName ?? fractionalSecondDigits) === undefined;
  const known = isPlain && place !== -1 ? texts.ranges[keyFor(!isClock)] : undefined;
  if (isDate !== isClock && known !== undefined) return known[place] === "" ? null : piecesOf(known[place], fields);
  if (text(slots, slots.pieces, start) === text(slots, slots.pieces, end)) return null;
  if (isDate && isClock && place >= 3 && dateStyle === undefined) {
    // One date, and then a range of times.
    const dateOnly = { __proto__: null, ...slots, fields: { __proto__: null, weekday, era, year, month, day } };
    const date = patternFor(dateOnly);
    const times = known?.[place];
    const timeOnly = { __proto__: null, ...slots, fields: { __proto__: null, hour, minute, second, dayPeriod, timeZoneName, fractionalSecondDigits } };
    const pattern = times ? times : patternFor(timeOnly) + texts.fallback + marked(patternFor(timeOnly));
    return piecesOf(glued(texts.glue[0], date, pattern), fields);
  }
  const pattern = patternFor(slots);
  return piecesOf(pattern + texts.fallback + marked(pattern), fields);
}

/** A pattern, all of whose fields are those of the end. */
const marked = (pattern) => replaceText(pattern, "}", "}'");

function rangeOf(slots, from, to) {
  if (from === undefined || to === undefined) throw new TypeError("startDate or endDate cannot be undefined");
  const start = local(slots, clipped(from));
  const end = local(slots, clipped(to));
  return { start, end, pieces: rangePieces(slots, start, end) };
}

// --- the class -------------------------------------------------------------------------------------------------------

function DateTimeFormat(locales, options) {
  const slots = slotsFor(locales, options, "any", "date");
  const prototype = new.target === undefined ? undefined : new.target.prototype;
  const made = new.target === undefined ? { __proto__: DateTimeFormat.prototype } : { __proto__: prototype };
  WeakMapPrototypeSet(formats, made, slots);
  return made;
}

/** What a field in the pattern says about how it is written, in the words of options. */
function resolvedStyle({ type, style }, fields) {
  if (type === "timeZoneName") return fields.timeZoneName;
  if (type === "dayPeriod" || type === "era") return fields[type];
  if (style === "1") return "numeric";
  if (style === "2") return "2-digit";
  return WIDTHS[(NumberParseInt(style, 10) - 3) % 3] ?? fields[type];
}

const methods = {
  resolvedOptions() {
    const { locale, calendar, timeZone, hourCycle, isTwelve, fields, dateStyle, timeStyle, pieces } = slotsOf(this, "resolvedOptions");
    const found = { locale, calendar, numberingSystem: "latn", timeZone };
    const written = { __proto__: null };
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i];
      if (typeof piece === "string" || (piece.letter === "a" && fields.dayPeriod === undefined)) continue;
      written[piece.type] = resolvedStyle(piece, fields);
    }
    if (written.hour !== undefined) {
      found.hourCycle = hourCycle;
      found.hour12 = isTwelve;
    }
    if (dateStyle === undefined && timeStyle === undefined) {
      for (let i = 0; i < FIELDS.length; i++) {
        const name = FIELDS[i][0];
        const value = name === "fractionalSecondDigits" ? fields[name] : written[name];
        if (value !== undefined) found[name] = value;
      }
    }
    if (dateStyle !== undefined) found.dateStyle = dateStyle;
    if (timeStyle !== undefined) found.timeStyle = timeStyle;
    return found;
  },
  formatToParts(date) {
    const slots = slotsOf(this, "formatToParts");
    return partsOf(slots, slots.pieces, local(slots, clipped(date)));
  },
  formatRange(startDate, endDate) {
    const slots = slotsOf(this, "formatRange");
    const { start, end, pieces } = rangeOf(slots, startDate, endDate);
    return pieces === null ? formatted(slots, start.ms) : text(slots, pieces, start, end);
  },
  formatRangeToParts(startDate, endDate) {
    const slots = slotsOf(this, "formatRangeToParts");
    const { start, end, pieces } = rangeOf(slots, startDate, endDate);
    const found = partsOf(slots, pieces ?? slots.pieces, start, end);
    // Between the first and the last field of an end lies nothing that both ends share.
    const bounds = (isEnd) => {
      let first = -1;
      let last = -1;
      for (let i = 0; pieces !== null && i < pieces.length; i++) {
        if (typeof pieces[i] === "string" || pieces[i].isEnd !== isEnd) continue;
        if (first === -1) first = i;
        last = i;
      }
      return { first, last };
    };
    const ends = bounds(true);
    const starts = bounds(false);
    for (let i = 0; i < found.length; i++) {
      const isEnd = i >= ends.first && i <= ends.last && ends.first !== -1;
      const isStart = pieces !== null && !isEnd && i >= starts.first && i <= starts.last && i < ends.first;
      found[i].source = isEnd ? "endRange" : isStart ? "startRange" : "shared";
    }
    return found;
  },
};

function partsOf(slots, pieces, start, end) {
  const { append } = need("core");
  const parts = [];
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i];
    if (typeof piece === "string") append(parts, { type: "literal", value: piece });
    else append(parts, { type: piece.type, value: valueOf(slots, piece, piece.isEnd ? end : start) });
  }
  return parts;
}

const accessors = {
  get format() {
    const slots = slotsOf(this, "format");
    slots.bound ??= (date) => formatted(slots, clipped(date));
    return slots.bound;
  },
};

// --- what Date stands on ---------------------------------------------------------------------------------------------

const plain = new SafeMap();

/** `Date.prototype.toLocaleString` and its like. */
function format(ms, locales, options, required, defaults) {
  // Without options there is nothing to read that could change.
  const isPlain = options === undefined && (locales === undefined || typeof locales === "string");
  const key = required + " " + defaults + " " + (isPlain ? (locales ?? "") : "");
  let slots = isPlain ? plain.get(key) : undefined;
  if (slots === undefined) {
    slots = slotsFor(locales, options, required, defaults);
    if (isPlain && plain.size < 100) plain.set(key, slots);
  }
  return formatted(slots, ms);
}

export function install() {
  const { expose } = need("core");
  const { prototype } = DateTimeFormat;
  for (const name of ["formatToParts", "formatRange", "formatRangeToParts", "resolvedOptions"]) define(prototype, name, methods[name]);
  const { get } = Object.getOwnPropertyDescriptor(accessors, "format");
  ObjectDefineProperty(prototype, "format", { __proto__: null, get, configurable: true });
  ObjectDefineProperty(DateTimeFormat, "length", { __proto__: null, value: 0, configurable: true });
  ObjectDefineProperty(DateTimeFormat, "prototype", { __proto__: null, writable: false });
  expose("DateTimeFormat", DateTimeFormat);
  intl.dates = { __proto__: null, format };
  // What most functions ask for, so that it lies in their image.
  format(0, undefined, undefined, "any", "all");
}
