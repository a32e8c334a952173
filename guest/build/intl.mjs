// The data of `Intl`, made when the guest is built: `node intl.mjs PACKAGES OUT`.
//
// Numbers, plurals, lists and relative times are FormatJS's data of the same CLDR. What FormatJS has no faithful or no
// small form of, namely date patterns, time zones and collation, is what this very Node answers, whose ICU is the
// reference: every combination of options is asked once, and what comes back is kept as patterns.
//
// OUT/intl-TAG.js        one per locale: a script whose value is an object of texts, parsed piece by piece when used
// OUT/made/intl-*.js     modules for the parts of the prelude: locales, zones, collation

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [, , PACKAGES, OUT] = process.argv;

/** Whose data there is. Regional tags that have nothing of their own share that of another (`available`). */
const LOCALES = [
  "en", "en-AU", "en-CA", "en-GB", "en-IE", "en-IN", "en-NZ", "en-ZA",
  "cs", "da", "de", "de-AT", "de-CH", "el", "es", "es-MX", "es-US", "fi", "fr", "fr-CA", "fr-CH", "he", "hi", "hu", "id",
  "it", "ja", "ko", "nb", "nl", "pl", "pt", "pt-PT", "ro", "ru", "sv", "tr", "uk", "vi", "zh", "zh-Hant",
];

const WIDTHS = ["short", "long", "narrow"];
const YEARS = [undefined, "numeric", "2-digit"];
const MONTHS = [undefined, "numeric", "2-digit", "short", "long", "narrow"];
const NUMBERS = [undefined, "numeric", "2-digit"];

const unique = (values) => [...new Set(values)];
const sample = (month, day = 5, hour = 0, minute = 0) => Date.UTC(2024, month, day, hour, minute, 7);
const formatter = (locale, options, timeZone = "UTC") =>
  new Intl.DateTimeFormat(`${locale}-u-ca-gregory-nu-latn`, { timeZone, ...options });
const valueOf = (parts, type) => parts.find((part) => part.type === type)?.value;

/** Collects values and gives each a small number, as one character. */
class Table {
  values = [];

  constructor(first = "0") {
    this.first = first.charCodeAt();
  }

  letter(value) {
    let at = this.values.indexOf(value);
    if (at === -1) at = this.values.push(value) - 1;
    const code = this.first + at;
    // Not the control characters behind ASCII.
    return String.fromCharCode(code < 0x7f ? code : code + 0x21);
  }
}

// --- dates -----------------------------------------------------------------------------------------------------------

function vectors(locale) {
  const months = (options, type = "month") => {
    const format = formatter(locale, options);
    return Array.from({ length: 12 }, (_, month) => valueOf(format.formatToParts(sample(month)), type));
  };
  const weekdays = (options) => {
    const format = formatter(locale, options);
    // The 7th of January 2024 was a Sunday.
    return Array.from({ length: 7 }, (_, day) => valueOf(format.formatToParts(sample(0, 7 + day)), "weekday"));
  };
  const periods = (width) => {
    const format = formatter(locale, { hour: "numeric", hour12: true, dayPeriod: width });
    const hours = (minute) =>
      Array.from({ length: 24 }, (_, hour) => valueOf(format.formatToParts(sample(0, 7, hour, minute)), "dayPeriod"));
    return [...hours(0), ...hours(30)];
  };
  const halves = formatter(locale, { hour: "numeric", hour12: true });
  return {
    month: WIDTHS.map((month) => months({ month, day: "numeric" })),
    monthAlone: WIDTHS.map((month) => months({ month })),
    weekday: WIDTHS.map((weekday) => weekdays({ weekday })),
    era: WIDTHS.map((era) => [sample(0), Date.UTC(-5, 0, 5)].map((date) =>
      valueOf(formatter(locale, { era, year: "numeric", month: "long" }).formatToParts(date), "era"))),
    half: [3, 15].map((hour) => valueOf(halves.formatToParts(sample(0, 7, hour)), "dayPeriod")),
    period: WIDTHS.map(periods),
  };
}

const same = (one, other) => one.every((value, index) => value === other[index]);

/**
 * Patterns are texts with fields in braces: `{M}` as requested, `{L}` the same standing alone, `{M1}` numeric, `{M2}` two
 * digits, `{M3}` short, `{M4}` long, `{M5}` narrow, `{M6}`... these standing alone, `{Ma}` and so on a list of its own.
 */
function patternOf(locale, options, known, own) {
  const format = formatter(locale, options);
  const parts = format.formatToParts(sample(2, 5, 3, 4));
  const column = (type, dates) => dates.map((date) => valueOf(format.formatToParts(date), type));
  const months = () => column("month", Array.from({ length: 12 }, (_, month) => sample(month)));
  const weekdays = () => column("weekday", Array.from({ length: 7 }, (_, day) => sample(0, 7 + day)));
  const digits = (letter, requested, value) => {
    const style = /^0\d$/.test(value) ? 2 : 1;
    return `{${letter}${NUMBERS[style] === requested ? "" : style}}`;
  };
  const named = (letter, alone, requested, lists, found) => {
    const wanted = WIDTHS.indexOf(requested);
    if (wanted !== -1) {
      if (same(lists[0][wanted], found)) return `{${letter}}`;
      if (alone && same(lists[1][wanted], found)) return `{${alone}}`;
    }
    const at = lists.flat().findIndex((list) => same(list, found));
    if (at !== -1) return `{${letter}${3 + at}}`;
    return `{${letter}${own.letter(found.join("|"))}}`;
  };
  return parts.map(({ type, value }) => {
    switch (type) {
      case "literal": return value;
      case "year": return value === "24" ? (options.year === "2-digit" ? "{y}" : "{y2}") : options.year === "numeric" ? "{y}" : "{y1}";
      case "month":
        if (/^0?3$/.test(value)) return digits("M", options.month, value);
        return named("M", "L", options.month, [known.month, known.monthAlone], months());
      case "day": return digits("d", options.day, value);
      case "weekday": return named("E", "", options.weekday, [known.weekday], weekdays());
      case "era": {
        const width = WIDTHS.findIndex((_, index) => known.era[index][0] === value);
        return width === WIDTHS.indexOf(options.era) || known.era[WIDTHS.indexOf(options.era)]?.[0] === value ? "{G}" : `{G${3 + width}}`;
      }
      case "hour": return digits("h", options.hour, value);
      case "minute": return /^0\d$/.test(value) ? "{m2}" : "{m1}";
      case "second": return /^0\d$/.test(value) ? "{s2}" : "{s1}";
      case "dayPeriod": return options.dayPeriod && value !== known.half[0] ? "{B}" : options.dayPeriod && WIDTHS.some((_, i) => known.period[i][3] === value) ? "{B}" : "{a}";
      case "timeZoneName": return "{z}";
      default: throw new Error(`${locale}: a date has a part ${type}`);
    }
  }).join("");
}

const timeOptions = (hour, minute, second, cycle, period, zone) => ({
  hour: NUMBERS[hour], minute: NUMBERS[minute], second: NUMBERS[second],
  hour12: hour ? cycle === 0 : undefined,
  dayPeriod: period ? "short" : undefined,
  timeZoneName: zone ? "short" : undefined,
});

/** Every combination of what asks for a time, in the order of the characters that `times` of a locale is made of. */
function* timeCombinations() {
  for (let hour = 0; hour < 3; hour++)
    for (let minute = 0; minute < 3; minute++)
      for (let second = 0; second < 3; second++)
        for (let cycle = 0; cycle < 2; cycle++)
          for (let period = 0; period < 2; period++)
            for (let zone = 0; zone < 2; zone++) yield [hour, minute, second, cycle, period, zone];
}

/** What stands between a date and a time: `{1}` the date, `{0}` the time. */
function glueOf(locale, date, time) {
  const text = (options) => formatter(locale, options).format(sample(2, 5, 3, 4));
  const [both, day, hour] = [text({ ...date, ...time }), text(date), text(time)];
  const glue = both.replace(day, "{1}").replace(hour, "{0}");
  return glue.includes("{1}") && glue.includes("{0}") ? glue : null;
}

function zoneGlueOf(locale, date) {
  const text = (options) => formatter(locale, options).format(sample(2, 5, 3, 4));
  return text({ ...date, timeZoneName: "short" }).replace(text(date), "{1}").replace("UTC", "{0}");
}

function dates(locale) {
  const known = vectors(locale);
  const own = new Table("a");
  const patterns = new Table();
  let days = "";
  for (const era of [undefined, "short"])
    for (const weekday of [undefined, ...WIDTHS])
      for (const year of YEARS)
        for (const month of MONTHS)
          for (const day of NUMBERS) {
            const isEmpty = !(era || weekday || year || month || day);
            // An era beside a weekday takes Node 24 down for some locales, so there the era is only put behind.
            const isBoth = era && weekday;
            const options = { era: isBoth ? undefined : era, weekday, year, month, day };
            const pattern = isEmpty ? "" : patternOf(locale, options, known, own);
            days += patterns.letter(isBoth ? `${pattern} {G}` : pattern);
          }
  const clock = (weekday) => {
    let text = "";
    for (const combination of timeCombinations()) {
      const [hour, minute, second, , period, zone] = combination;
      const isEmpty = !(hour || minute || second || period || zone);
      text += patterns.letter(isEmpty ? "" : patternOf(locale, { weekday, ...timeOptions(...combination) }, known, own));
    }
    return text;
  };
  const times = clock();
  const weekdayTimes = WIDTHS.map(clock);
  const hour = { hour: "numeric", minute: "2-digit" };
  const classes = [
    { year: "numeric", month: "numeric", day: "numeric" }, { month: "short", day: "numeric" },
    { month: "long", day: "numeric" }, { weekday: "long", month: "long", day: "numeric" },
  ];
  const styles = ["full", "long", "medium", "short"];
  const isTwelve = (cycle) => cycle === "h12" || cycle === "h11";
  const cycleOf = (options) => formatter(locale, { hour: "numeric", ...options }).resolvedOptions().hourCycle;
  const cycles = [cycleOf({}), cycleOf({ hour12: true }), cycleOf({ hour12: false })];
  const explicit = (options) => patternOf(locale, options, known, own);
  const offsets = ["+05:30", "-05:30", "+00:00"].map((timeZone) =>
    ["shortOffset", "longOffset"].map((timeZoneName) =>
      valueOf(formatter(locale, { timeZoneName }, timeZone).formatToParts(0), "timeZoneName")));
  return {
    ...known,
    own: own.values,
    days,
    times,
    weekdayTimes,
    patterns: patterns.values,
    glue: classes.map((date) => glueOf(locale, date, hour)),
    zoneGlue: classes.map((date) => zoneGlueOf(locale, date)),
    dateStyles: styles.map((dateStyle) => explicit({ dateStyle })),
    timeStyles: [true, false].map((hour12) => styles.map((timeStyle) => explicit({ timeStyle, hour12 }))),
    styleGlue: styles.map((dateStyle) => glueOf(locale, { dateStyle }, { timeStyle: "short", hour12: isTwelve(cycles[0]) })),
    cycles,
    offsets,
    decimal: valueOf(new Intl.NumberFormat(`${locale}-u-nu-latn`).formatToParts(1.5), "decimal"),
    ranges: ranges(locale, known, own),
    fallback: rangeFallback(locale),
  };
}

// --- ranges ----------------------------------------------------------------------------------------------------------

const RANGES = [
  { year: "numeric", month: "numeric", day: "numeric" },
  { year: "numeric", month: "short", day: "numeric" },
  { year: "numeric", month: "long", day: "numeric" },
  { weekday: "short", year: "numeric", month: "short", day: "numeric" },
  { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  { month: "numeric", day: "numeric" },
  { month: "short", day: "numeric" },
  { month: "long", day: "numeric" },
  { weekday: "short", month: "short", day: "numeric" },
  { year: "numeric", month: "short" },
  { year: "numeric", month: "long" },
  { month: "short" },
  { month: "long" },
  { year: "numeric" },
  { dateStyle: "short" },
  { dateStyle: "medium" },
  { dateStyle: "long" },
  { dateStyle: "full" },
  ...[true, false].flatMap((hour12) => [
    { hour: "numeric", hour12 },
    { hour: "numeric", minute: "numeric", hour12 },
    { hour: "numeric", minute: "2-digit", hour12 },
    { hour: "2-digit", minute: "2-digit", hour12 },
    { timeStyle: "short", hour12 },
  ]),
];

const KEY_ORDER = ["weekday", "era", "year", "month", "day", "hour", "minute", "hour12", "dateStyle", "timeStyle"];
const keyOf = (options) => KEY_ORDER.map((name) => options[name]).join();

/** Ranges of the commonest formats, by the largest field in which their ends differ: year, month, day, half, hour, minute. */
function ranges(locale, known, own) {
  const from = Date.UTC(2024, 2, 5, 3, 4, 7);
  const ends = [Date.UTC(2026, 2, 5, 3, 4, 7), Date.UTC(2024, 8, 5, 3, 4, 7), Date.UTC(2024, 2, 8, 3, 4, 7),
    Date.UTC(2024, 2, 5, 15, 4, 7), Date.UTC(2024, 2, 5, 5, 4, 7), Date.UTC(2024, 2, 5, 3, 9, 7)];
  const found = {};
  for (const options of RANGES) {
    const format = formatter(locale, options);
    const single = format.format(from);
    const resolved = patternOf(locale, options, known, own);
    found[keyOf(options)] = ends.map((end) => {
      const parts = format.formatRangeToParts(from, end);
      if (parts.map((part) => part.value).join("") === single) return "";
      return parts.map(({ type, value, source }) => {
        if (type === "literal") return value;
        // The fields look as they do in the format itself, but for some months, which are looked up.
        const end = source === "endRange" ? "'" : "";
        return rangeField(type, value, resolved, known, own, options) + end;
      }).join("");
    });
  }
  return found;
}

function rangeField(type, value, resolved, known, own, options) {
  const field = (letter) => {
    if (/^\d+$/.test(value)) return `{${letter}${value.length > 1 && value[0] === "0" ? 2 : 1}}`;
    return null;
  };
  switch (type) {
    case "year": return value.length === 2 ? "{y2}" : "{y1}";
    case "month": {
      const digits = field("M");
      if (digits) return digits;
      const lists = [...known.month, ...known.monthAlone];
      const at = lists.findIndex((list) => list[2] === value || list[8] === value);
      if (at === -1) {
        const list = own.values.find((each) => each.split("|")[2] === value || each.split("|")[8] === value);
        if (!list) throw new Error(`a range has the month ${value}`);
        return `{M${own.letter(list)}}`;
      }
      // Of lists that agree on this month take the one that the format itself has.
      const wanted = WIDTHS.indexOf(options.month);
      if (wanted !== -1 && (known.month[wanted][2] === value || known.month[wanted][8] === value)) return `{M${3 + wanted}}`;
      const inStyle = /\{M([3-8])\}/.exec(resolved);
      if (inStyle && (lists[inStyle[1] - 3][2] === value || lists[inStyle[1] - 3][8] === value)) return `{M${inStyle[1]}}`;
      return `{M${3 + at}}`;
    }
    case "day": return field("d");
    case "weekday": {
      const at = known.weekday.findIndex((list) => list.includes(value));
      if (at !== -1) return `{E${3 + at}}`;
      const list = own.values.find((each) => each.split("|").length === 7 && each.split("|").includes(value));
      if (!list) throw new Error(`a range has the weekday ${value}`);
      return `{E${own.letter(list)}}`;
    }
    case "era": return "{G3}";
    case "hour": return field("h");
    case "minute": return "{m2}";
    case "dayPeriod": return "{a}";
    default: throw new Error(`a range has a part ${type}`);
  }
}

function rangeFallback(locale) {
  const format = formatter(locale, { hour: "numeric", minute: "numeric", second: "numeric", hour12: false });
  const parts = format.formatRangeToParts(sample(2, 5, 3, 4), sample(2, 5, 15, 4));
  const end = parts.findIndex((part) => part.source === "endRange");
  return parts[end - 1].value;
}

// --- time zones ------------------------------------------------------------------------------------------------------

const LISTED_ZONES = Intl.supportedValuesOf("timeZone");

/** With those of fixed offsets, which Node takes and does not list. */
const ZONES = [...LISTED_ZONES];
for (let hours = -14; hours <= 12; hours++) if (hours) ZONES.push(`Etc/GMT${hours < 0 ? hours : `+${hours}`}`);

function offsetReader(timeZone) {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  return (ms) => {
    const [, month, day, year, hour, minute, second] = /(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)/.exec(format.format(ms));
    return (Date.UTC(year, month - 1, day, hour, minute, second) - ms) / 1000;
  };
}

const FIRST_YEAR = 1880;
const LAST_YEAR = 2037;
const DAY = 86_400_000;

/**
 * A text per zone: `number|offsets|changes|rule`. The number, in base 36, is its place among the zones. Offsets are seconds in base 36, the first one that before any change;
 * changes are `seconds since the last, in base 36` and then the offset's letter; a rule for what comes after, as below.
 */
function zoneText(zone, number) {
  const offset = offsetReader(zone);
  process.env.TZ = zone;
  const roughly = (ms) => new Date(ms).getTimezoneOffset();
  const changes = [];
  let before = offset(Date.UTC(FIRST_YEAR, 0, 1));
  const offsets = [before];
  const start = Date.UTC(FIRST_YEAR, 0, 1);
  const end = Date.UTC(LAST_YEAR + 1, 0, 1);
  const span = 10 * DAY;
  let checked = start;
  for (let at = start, count = 0; at < end; at += span, count++) {
    const next = Math.min(at + span, end);
    // Dates of this process are fast and exact to the minute only, formats the other way round: now and then they are asked.
    if (roughly(next) === roughly(at) && count % 4 !== 3) continue;
    let low = checked;
    checked = next;
    // There may be more than one change.
    while (offset(next) !== before) {
      let from = low;
      let to = Math.min(low + span, next);
      while (offset(to) === before) [from, to] = [to, Math.min(to + span, next)];
      while (to - from > 1000) {
        const middle = from + Math.floor((to - from) / 2000) * 1000;
        if (offset(middle) === before) from = middle;
        else to = middle;
      }
      before = offset(to);
      changes.push([to / 1000, before]);
      low = to;
    }
  }
  const rule = ruleOf(changes);
  const kept = rule ? changes.filter(([at]) => new Date(at * 1000).getUTCFullYear() <= rule.after) : changes;
  const letter = (seconds) => {
    let at = offsets.indexOf(seconds);
    if (at === -1) at = offsets.push(seconds) - 1;
    return String.fromCharCode(65 + at);
  };
  let last = start / 1000;
  let text = "";
  for (const [at, to] of kept) {
    text += (at - last).toString(36) + letter(to);
    last = at;
  }
  const tail = rule ? rule.lines.map((line) => line.join(",")).join(";") : "";
  return `${number.toString(36)}|${offsets.map((seconds) => seconds.toString(36)).join()}|${text}|${rule ? rule.after + 1 : ""};${tail}`;
}

/**
 * The yearly rule that holds to the end: for each change `month, weekday, earliest day, second of the day, offset`, all but
 * the last by the clock before the change.
 */
function ruleOf(changes) {
  const byYear = new Map();
  for (const [at, to] of changes) {
    const year = new Date(at * 1000).getUTCFullYear();
    byYear.set(year, [...(byYear.get(year) ?? []), [at, to]]);
  }
  const last = byYear.get(LAST_YEAR);
  if (last?.length !== 2) return null;
  const fits = (years) => last.map(([reference, to], index) => {
    const past = last[1 - index][1];
    const days = years.map((year) => new Date((byYear.get(year)[index][0] + past) * 1000));
    const first = days[0];
    const second = (date) => date.getUTCHours() * 3600 + date.getUTCMinutes() * 60 + date.getUTCSeconds();
    const isSame = years.every((year, at) => byYear.get(year)[index][1] === to) &&
      days.every((date) => date.getUTCMonth() === first.getUTCMonth() && date.getUTCDay() === first.getUTCDay() && second(date) === second(first));
    const dates = days.map((date) => date.getUTCDate());
    const earliest = Math.min(...dates);
    if (!isSame || Math.max(...dates) - earliest > 6) return null;
    return [first.getUTCMonth(), first.getUTCDay(), earliest, second(first), to];
  });
  const years = [];
  let rule = null;
  for (let year = LAST_YEAR; byYear.get(year)?.length === 2; year--) {
    const next = fits([...years, year]);
    if (next.includes(null)) break;
    years.push(year);
    rule = next;
  }
  return rule && years.length >= 8 ? { after: years.at(-1) - 1, lines: rule } : null;
}

function zones() {
  const names = JSON.parse(readFileSync(join(PACKAGES, "node_modules/moment-timezone/data/packed/latest.json"), "utf8"));
  const linked = unique([...names.zones.map((line) => line.split("|")[0]), ...names.links.flatMap((line) => line.split("|"))]);
  const links = {};
  for (const name of linked.sort()) {
    let target;
    try {
      target = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
    } catch {
      continue;
    }
    if (target !== name) links[name] = target;
  }
  const texts = Object.fromEntries(ZONES.map((zone, number) => [zone, zoneText(zone, number)]));
  texts.UTC ??= `${ZONES.length.toString(36)}|0||;`;
  return { texts, links };
}

/** Short and long, standard and daylight, short and long generic, where they are not the offset. */
function zoneNames(locale) {
  const strings = [""];
  const at = (text) => {
    let index = strings.indexOf(text);
    if (index === -1) index = strings.push(text) - 1;
    return index;
  };
  let index = "";
  for (const zone of [...ZONES, "UTC"]) {
    const offset = offsetReader(zone);
    const [january, july] = [Date.UTC(2024, 0, 15), Date.UTC(2024, 6, 15)];
    const [winter, summer] = offset(january) <= offset(july) ? [january, july] : [july, january];
    const name = (timeZoneName, ms) => {
      const text = (style) => valueOf(formatter(locale, { timeZoneName: style }, zone).formatToParts(ms), "timeZoneName");
      const found = text(timeZoneName);
      return found === text("shortOffset") || found === text("longOffset") ? 0 : at(found);
    };
    const tuple = [name("short", winter), name("short", summer), name("long", winter), name("long", summer),
      name("shortGeneric", winter), name("longGeneric", winter)];
    index += tuple.map((each) => each.toString(36).padStart(2, "0")).join("");
  }
  if (strings.length > 36 ** 2) throw new Error(`${locale}: time zones have too many names`);
  return { strings, index };
}

// --- what FormatJS has -----------------------------------------------------------------------------------------------

function formatjs(name, tag) {
  let found;
  const taker = { __addLocaleData: (data) => { found = data; } };
  const file = join(PACKAGES, "node_modules/@formatjs", `intl-${name}`, "locale-data", `${tag}.js`);
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return formatjs(name, tag.split("-").slice(0, -1).join("-"));
  }
  new Function("Intl", text)({ NumberFormat: taker, PluralRules: taker, RelativeTimeFormat: taker, ListFormat: taker });
  return found.data;
}

/** Latin digits only: the others of a locale are what its numbers look like in another system, and never asked for. */
function numbers(tag) {
  const { currencies, units, ...data } = formatjs("numberformat", tag);
  const latn = ({ latn }) => ({ latn });
  const { aliases, symbols, decimal, percent, currency, ...others } = data.numbers;
  void aliases;
  return {
    numbers: {
      ...data,
      nu: ["latn"],
      numbers: { ...others, nu: ["latn"], symbols: latn(symbols), decimal: latn(decimal), percent: latn(percent), currency: latn(currency) },
    },
    currencies,
    units,
  };
}

// --- collation -------------------------------------------------------------------------------------------------------

/**
 * The root order of every character that is its own decomposition, outside Han and Hangul, as text: characters of one
 * primary weight in a row, secondary and tertiary steps marked. Read by intl-collation.js.
 */
function collation() {
  const root = new Intl.Collator("en-US", { ignorePunctuation: false });
  const base = new Intl.Collator("en-US", { sensitivity: "base" });
  const accent = new Intl.Collator("en-US", { sensitivity: "accent" });
  const skipped = /[\p{Script=Han}\p{Script=Hangul}\p{Cn}\p{Cs}\p{Co}]/u;
  const found = [];
  const ignored = [];
  const marks = [];
  for (let code = 0; code < 0x10000; code++) {
    const text = String.fromCodePoint(code);
    if (skipped.test(text) || text.normalize("NFKD") !== text) continue;
    if (root.compare(text, "") === 0) ignored.push(code);
    else if (base.compare(`a${text}`, "a") === 0) marks.push(text);
    else if (expands(text, base)) continue;
    else found.push(text);
  }
  const order = (one, other) => root.compare(one, other) || (one < other ? -1 : 1);
  found.sort(order);
  let text = "";
  for (let i = 0; i < found.length; i++) {
    if (i > 0) text += base.compare(found[i - 1], found[i]) ? "\u0001" : accent.compare(found[i - 1], found[i]) ? "\u0002" : root.compare(found[i - 1], found[i]) ? "\u0003" : "\u0004";
    text += found[i];
  }
  marks.sort((one, other) => root.compare(`a${one}`, `a${other}`) || (one < other ? -1 : 1));
  let accents = "";
  for (let i = 0; i < marks.length; i++) {
    if (i > 0 && root.compare(`a${marks[i - 1]}`, `a${marks[i]}`)) accents += "\u0001";
    accents += marks[i];
  }
  const quiet = new Intl.Collator("en-US", { ignorePunctuation: true });
  return { order: text, marks: accents, ignored: spans(ignored), lastIgnorable: found.findLast((each) => quiet.compare(each, "") === 0),
    lastBeforeEmoji: found.findLast((each) => root.compare(each, "\u{1f600}") < 0) };
}

/** Letters that a language sorts as letters of their own, each list behind the plain letter it follows: `zåäö`. */
function tailoring(tag) {
  const own = new Intl.Collator(tag);
  const base = new Intl.Collator(tag, { sensitivity: "base" });
  const rootBase = new Intl.Collator("en-US", { sensitivity: "base" });
  const plain = [..."abcdefghijklmnopqrstuvwxyz"];
  const letters = [];
  for (let code = 0xdf; code < 0x250; code++) {
    const letter = String.fromCharCode(code);
    if (letter.toLowerCase() !== letter || letter.toUpperCase() === letter) continue;
    const order = plain.map((each) => Math.sign(base.compare(letter, each)));
    if (order.some((sign, at) => sign !== Math.sign(rootBase.compare(letter, plain[at])))) letters.push(letter);
  }
  letters.sort(own.compare);
  const after = new Map();
  for (const letter of letters) {
    const before = plain.findLast((each) => base.compare(each, letter) < 0) ?? "a";
    after.set(before, (after.get(before) ?? "") + letter);
  }
  return [...after].map(([before, list]) => before + list).join(" ");
}

/** Whether ICU takes one character for several letters ("ß" for "ss"). Those that count are in intl-collation.js. */
const EXPANSIONS = ["ss", "ae", "oe", "AE", "OE", "th", "dz", "lj", "nj", "ij", "hv", "tc", "db", "qp", "ts", "ng", "nj", "tʃ", "dʒ"];
const expands = (text, base) => EXPANSIONS.some((letters) => base.compare(text, letters) === 0);

function spans(codes) {
  const found = [];
  for (const code of codes) {
    const last = found.at(-1);
    if (last && last[1] === code - 1) last[1] = code;
    else found.push([code, code]);
  }
  return found.map(([from, to]) => `${from.toString(36)}-${to.toString(36)}`).join();
}

// --- locales ---------------------------------------------------------------------------------------------------------

function fingerprint(tag) {
  const seen = [];
  const date = Date.UTC(2024, 2, 5, 15, 4, 9);
  for (const options of [{}, { dateStyle: "short" }, { dateStyle: "medium" }, { dateStyle: "long" }, { dateStyle: "full" },
    { timeStyle: "short" }, { timeStyle: "medium" }, { dateStyle: "medium", timeStyle: "short" }, { month: "short" },
    { year: "numeric", month: "short" }, { weekday: "short", day: "numeric", month: "short" }, { month: "2-digit", day: "2-digit" }, { timeStyle: "full" }]) {
    seen.push(new Intl.DateTimeFormat(tag, { timeZone: "America/New_York", ...options }).format(date));
  }
  for (const options of [{}, { style: "currency", currency: "USD" }, { style: "currency", currency: "EUR" }, { style: "percent" },
    { style: "currency", currency: "GBP" }, { style: "unit", unit: "liter", unitDisplay: "long" }, { notation: "compact" }]) {
    const format = new Intl.NumberFormat(tag, options);
    seen.push(format.format(-1234567.5), format.format(0.25), format.format(1234));
  }
  return seen.join("\n");
}

/** Every tag that Node knows and for which one of our data says the same: `tag data tag data ...`. */
function available() {
  const regions = [];
  for (let a = 65; a <= 90; a++) for (let b = 65; b <= 90; b++) regions.push(String.fromCharCode(a, b));
  const prints = new Map(LOCALES.map((tag) => [tag, fingerprint(tag)]));
  const found = {};
  for (const tag of LOCALES) found[tag] = tag;
  const languages = unique(LOCALES.map((tag) => (tag.startsWith("zh-") ? tag : tag.split("-")[0])));
  for (const language of [...languages, "zh-Hans", "en-001", "es-419", "no"]) {
    const isWhole = languages.includes(language);
    for (const tag of [language, ...(isWhole ? regions.map((region) => `${language}-${region}`) : [])]) {
      if (found[tag] || new Intl.DateTimeFormat(tag).resolvedOptions().locale !== tag) continue;
      const print = fingerprint(tag);
      const family = tag === "no" ? "nb" : tag.split("-")[0];
      const like = LOCALES.find((each) => each.split("-")[0] === family && prints.get(each) === print);
      if (like) found[tag] = like;
    }
  }
  for (const region of ["TW", "HK", "MO", "CN", "SG"]) {
    const tag = `zh-${region}`;
    const like = LOCALES.find((each) => each.startsWith("zh") && prints.get(each) === fingerprint(tag));
    if (like) found[tag] = like;
  }
  return found;
}

/** What a language, or a language in a region, is likely written in and where: `en Latn-US`, `zh-TW Hant-TW`. */
function likely() {
  const letters = Array.from({ length: 26 }, (_, at) => String.fromCharCode(97 + at));
  const pairs = letters.flatMap((one) => letters.map((other) => one + other));
  const lines = [];
  const maximal = (tag) => {
    const { language, script, region } = new Intl.Locale(tag).maximize();
    return script && region && language === tag.split("-")[0] ? [script, region] : null;
  };
  for (const language of pairs) {
    const found = maximal(language);
    if (!found) continue;
    lines.push(`${language} ${found.join("-")}`);
    for (const region of pairs) {
      const there = maximal(`${language}-${region.toUpperCase()}`);
      if (there && there[0] !== found[0]) lines.push(`${language}-${there[1]} ${there.join("-")}`);
    }
  }
  return lines.join("\n");
}

// --- writing ---------------------------------------------------------------------------------------------------------

/** As JSON in a string; escaped where that keeps a mostly Latin text at one byte a character. */
function json(value) {
  const text = JSON.stringify(value);
  const wide = text.match(/[^\0-\xff]/g)?.length ?? 0;
  return wide * 6 < text.length ? text.replace(/[^\0-\xff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`) : text;
}

/** A module that exports these values; objects have no prototype, for what is looked up in them may be anything. */
const module = (values) => Object.entries(values).map(([name, value]) => {
  const text = JSON.stringify(value);
  return `export const ${name} = ${text[0] === "{" ? `{"__proto__":null,${text.slice(1)}` : text};\n`;
}).join("");

mkdirSync(join(OUT, "made"), { recursive: true });
for (const tag of LOCALES) {
  const plural = formatjs("pluralrules", tag);
  const texts = {
    ...numbers(tag),
    lists: formatjs("listformat", tag),
    relative: { ...formatjs("relativetimeformat", tag), nu: ["latn"] },
    dates: dates(tag),
    zones: zoneNames(tag),
  };
  const members = Object.entries(texts).map(([name, value]) => `${name}:${JSON.stringify(json(value))}`);
  const { fn, ...others } = plural;
  writeFileSync(join(OUT, `intl-${tag}.js`), `({__proto__:null,${members.join()},plural:{...${JSON.stringify(others)},fn:${fn}},letters:${JSON.stringify(tailoring(tag))}})\n`);
}
const { texts: zoneTexts, links } = zones();
writeFileSync(join(OUT, "made", "intl-zone-data.js"), module({ ZONES: zoneTexts, LINKS: links }));
writeFileSync(join(OUT, "made", "intl-orders.js"), module({ ORDER: collation() }));
writeFileSync(join(OUT, "made", "intl-tags.js"), module({
  AVAILABLE: Object.entries(available()).map((pair) => pair.join(" ")).join("\n"),
  LIKELY: likely(),
  CURRENCIES: Intl.supportedValuesOf("currency").join(" "),
  ZONE_NAMES: LISTED_ZONES.join(" "),
  UNITS: Intl.supportedValuesOf("unit").join(" "),
}));
