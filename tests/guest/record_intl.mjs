// Records what Node's Intl answers, for test_intl.py: `node tests/guest/record_intl.mjs` (the pinned Node).
//
// Output: intl/*.json. For each section a file with a list of [expression, outcome]: "= text" with objects as JSON, or "! name"
// of the error. The process is in UTC, as functions are.

process.env.TZ = "UTC";
const { writeFileSync } = await import("node:fs");

const SHOW = `(run) => {
  try {
    const value = run();
    return '= ' + (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));
  } catch (error) { return '! ' + error.name; }
}`;
const show = (0, eval)(SHOW);

// What expressions may use.
const PREAMBLE = String.raw`
const WORDS = [
  "a", "A", "b", "B", "\u00e9", "e", "E", "\u00c9", "f", "z", "Z", "\u00e4", "\u00e5", "\u00f6", "o", "\u00f8", "ae", "\u00e6", "af", "ad", "\u00df", "ss", "st", "sr", "", " ", "-", "_", "1", "2", "10", "a b", "ab", "a-b", "a1", "a10", "a2", "\u0101",
  "co-op", "coop", "CO-OP", "resume", "r\u00e9sum\u00e9", "Resume", "R\u00e9sum\u00e9", "resumes", "cote", "c\u00f4te", "cot\u00e9", "c\u00f4t\u00e9", "\u00f1", "n", "o", "nz", "\u0142", "l", "m", "\u010d", "c", "d", "h", "ch", "\u03b1", "\u03b2", "\u0430", "\u0431", "\u0416", "\u05d0", "\u0627", "\u3042", "\u30a2", "\u4e00", "\u4e8c", "\uac00", "\ud55c",
  "$", "\u20ac", "+", "<", "(", "!", "?", ".", ",", "'", "\"", "@", "#", "\u2026", "\u2013", "\ufb01", "fi", "\u00bd", "\u2460", "\uff21", "\u0131", "i", "I", "\u0130", "x\u0301", "x", "\ud83d\ude00", "\u00e7", "\u015f", "s", "\u00fc", "u", "ue", "z\u0301",
];
const row = (word, locale, options) => {
  const { compare } = new Intl.Collator(locale, options);
  return WORDS.map((other) => '<=>'[compare(WORDS[word], other) + 1]).join('');
};
const walk = (timeZone) => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', dateStyle: 'short', timeStyle: 'medium' });
  return Array.from({ length: 16 }, (_, i) => format.format(Date.UTC(1930, 0, 1) + i * 187_654_321_000)).join('; ');
};
const changes = (timeZone, year) => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hour: '2-digit', timeZoneName: 'longOffset' });
  let seen = '';
  let last;
  for (let day = 0; day < 366; day++) {
    const offset = format.format(Date.UTC(year, 0, 1) + day * 86_400_000).split(' ').pop();
    if (offset !== last) seen += day + offset + ' ';
    last = offset;
  }
  return seen;
};
`;

const text = (value) => JSON.stringify(value)?.replace(/"([A-Za-z]\w*)":/g, "$1: ") ?? "undefined";
const LOCALES = ["en-US", "en-GB", "de-DE", "fr-FR", "es", "it", "pt-BR", "nl", "sv", "pl", "ja-JP", "zh-CN", "ko", "ru"];
const SOME = ["en-US", "en-GB", "de-DE", "fr-FR", "ja-JP"];

const DATES = [0, 1_700_000_000_000, Date.UTC(2024, 1, 29, 0, 5, 9, 123), Date.UTC(2024, 6, 4, 12), Date.UTC(2030, 11, 31, 23, 59, 59, 999), Date.UTC(2045, 6, 1)];
const DATE_OPTIONS = [
  {}, { dateStyle: "short" }, { dateStyle: "medium" }, { dateStyle: "long" }, { dateStyle: "full" }, { timeStyle: "short" },
  { timeStyle: "medium" }, { timeStyle: "long" }, { timeStyle: "full" }, { dateStyle: "full", timeStyle: "long" },
  { dateStyle: "short", timeStyle: "short" }, { dateStyle: "medium", timeStyle: "medium" }, { dateStyle: "long", timeStyle: "short", hour12: false },
  { year: "numeric", month: "long", day: "numeric" }, { year: "numeric", month: "short", day: "numeric" }, { weekday: "long" },
  { weekday: "short", month: "short", day: "numeric" }, { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  { month: "long" }, { month: "2-digit", day: "2-digit", year: "numeric" }, { hour: "numeric" }, { hour: "2-digit", minute: "2-digit" },
  { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }, { hour: "numeric", minute: "2-digit", hourCycle: "h23" },
  { hour: "numeric", minute: "2-digit", hourCycle: "h11" }, { hour: "numeric", minute: "2-digit", hourCycle: "h24" },
  { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
  { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false },
  { timeZoneName: "short" }, { timeZoneName: "long" }, { hour: "numeric", timeZoneName: "short" }, { timeZoneName: "shortOffset" },
  { timeZoneName: "longOffset" }, { hour: "numeric", timeZoneName: "shortGeneric" }, { hour: "numeric", timeZoneName: "longGeneric" },
  { era: "short" }, { era: "long", year: "numeric" }, { year: "2-digit", month: "short" },
  { fractionalSecondDigits: 3, second: "numeric", minute: "numeric" }, { hour: "numeric", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 2 },
  { dayPeriod: "long", hour: "numeric" }, { dayPeriod: "short", hour: "numeric", hour12: true }, { year: "numeric" }, { day: "numeric" },
  { month: "short", year: "numeric" }, { minute: "numeric", second: "numeric" }, { weekday: "short", hour: "numeric" }, { month: "narrow" },
  { weekday: "narrow" }, { calendar: "gregory" }, { month: "long", day: "numeric", hour: "numeric", minute: "2-digit" },
  { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" },
  { weekday: "long", hour: "numeric", minute: "2-digit" }, { weekday: "long", year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "long" },
];
const ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin", "+05:30"];

function dateCases() {
  const cases = [];
  let n = 0;
  for (const locale of LOCALES)
    for (const options of DATE_OPTIONS) {
      // Not every zone and date for each, but each of them often.
      for (const zone of SOME.includes(locale) ? ZONES : [ZONES[n++ % ZONES.length]]) {
        const date = DATES[n++ % DATES.length];
        cases.push(`new Intl.DateTimeFormat('${locale}', ${text({ ...options, timeZone: zone })}).format(${date})`);
      }
    }
  return cases;
}

function zoneCases() {
  const cases = [];
  for (const zone of Intl.supportedValuesOf("timeZone")) cases.push(`walk('${zone}')`);
  for (const zone of ["America/New_York", "Europe/London", "Australia/Sydney", "America/Santiago", "Africa/Casablanca", "Asia/Tehran", "Pacific/Apia", "America/Sao_Paulo"]) {
    for (const year of [1950, 1975, 1990, 2006, 2007, 2011, 2024, 2037, 2038, 2100, 2400]) cases.push(`changes('${zone}', ${year})`);
  }
  for (const name of ["Asia/Calcutta", "asia/kolkata", "US/Eastern", "EST", "Etc/UTC", "GMT", "utc", "Etc/GMT+5", "+0530", "+05", "-00:00", "Europe/Kiev", "+24:00", "Foo/Bar", "", "America/new_york", "constructor", "Asia/Saigon", "EST5EDT", "Z", "-08:30"]) {
    cases.push(`new Intl.DateTimeFormat('en', { timeZone: '${name}' }).resolvedOptions().timeZone`);
  }
  for (const locale of SOME)
    for (const zone of ["America/Los_Angeles", "Europe/London", "Europe/Dublin", "Asia/Tokyo", "Australia/Adelaide", "America/Phoenix", "Asia/Kathmandu", "Africa/Lagos"])
      for (const style of ["short", "long", "shortGeneric", "longGeneric", "shortOffset", "longOffset"])
        for (const date of [DATES[1], DATES[3]]) cases.push(`new Intl.DateTimeFormat('${locale}', { timeZone: '${zone}', hour: 'numeric', timeZoneName: '${style}' }).format(${date})`);
  return cases;
}

const PARTS = [
  "new Intl.DateTimeFormat('en-US', { dateStyle: 'full', timeStyle: 'long', timeZone: 'America/Chicago' }).formatToParts(1.7e12)",
  "new Intl.DateTimeFormat('de', { weekday: 'long', day: 'numeric', month: 'long', hour: 'numeric' }).formatToParts(1.7e12)",
  "new Intl.DateTimeFormat('ja', { year: 'numeric', month: 'long', day: 'numeric' }).formatToParts(1.7e12)",
  "new Intl.DateTimeFormat('en', { minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }).formatToParts(1.7e12 + 7)",
  "new Intl.DateTimeFormat('en-US').formatToParts(0)",
];
const RESOLVED = [
  "{}", "{ timeZone: 'us/pacific' }", "{ hour: 'numeric' }", "{ hour: 'numeric', hour12: false }", "{ dateStyle: 'short' }", "{ timeStyle: 'short' }",
"{ hour: '2-digit', minute: 'numeric', second: 'numeric', fractionalSecondDigits: 2 }",
  "{ timeZoneName: 'short' }", "{ hourCycle: 'h24', hour: 'numeric' }", "{ year: '2-digit', month: '2-digit', day: '2-digit' }", "{ era: 'narrow', year: 'numeric' }",
];
const ERRORS = [
  "new Intl.DateTimeFormat('en', { month: 'big' })", "new Intl.DateTimeFormat('en', { dateStyle: 'short', year: 'numeric' })", "new Intl.DateTimeFormat('en').format(NaN)",
  "new Intl.DateTimeFormat('en').format(9e15)", "new Intl.DateTimeFormat('x_y')", "new Intl.DateTimeFormat('en', null)", "new Intl.DateTimeFormat(null)", "new Intl.DateTimeFormat([5])",
  "new Intl.DateTimeFormat('en', { timeZone: null })", "new Intl.DateTimeFormat('en', { fractionalSecondDigits: 4 })", "new Intl.DateTimeFormat('en', { calendar: 'a' })",
  "Intl.DateTimeFormat.prototype.format", "Intl.DateTimeFormat.prototype.resolvedOptions.call({})", "Intl.DateTimeFormat('en', { year: 'numeric' }).format(0)",
  "new Date(NaN).toLocaleString()", "new Date(0).toLocaleDateString('en', { timeStyle: 'short' })", "new Date(0).toLocaleTimeString('en', { dateStyle: 'short' })",
  "Date.prototype.toLocaleString.call({})", "Number.prototype.toLocaleString.call('5')", "(5).toLocaleString('en', { style: 'currency' })", "(5).toLocaleString('i')",
  "new Intl.NumberFormat('en', { style: 'unit' })", "new Intl.NumberFormat('en', { style: 'unit', unit: 'parsec' })", "new Intl.NumberFormat('en', { maximumFractionDigits: 101 })",
  "new Intl.NumberFormat('en', { minimumFractionDigits: 5, maximumFractionDigits: 2 })", "new Intl.NumberFormat('en', { currency: 'US', style: 'currency' })", "Intl.PluralRules('en')",
  "new Intl.PluralRules('en', { type: 'some' })", "Intl.Collator('en').compare('a', 'b')", "new Intl.Collator('en', { sensitivity: 'none' })", "''.localeCompare.call(null, 'a')",
  "'a'.localeCompare('b', 'e')", "new Intl.ListFormat('en').format(5)", "new Intl.ListFormat('en').format([1])", "new Intl.RelativeTimeFormat('en').format(1, 'eon')",
  "Intl.getCanonicalLocales('en_US')", "Intl.getCanonicalLocales([5])", "Intl.getCanonicalLocales(null)", "Intl.supportedValuesOf('x')", "new Intl.Locale('')", "new Intl.Locale()", "Intl.Locale('en')",
];

function rangeCases() {
  const cases = [];
  const starts = [1_700_000_000_000];
  const ends = [0, 1, 60_000, 7_200_000, 43_200_000, 3 * 86_400_000, 40 * 86_400_000, 500 * 86_400_000];
  for (const locale of SOME)
    for (const options of [{}, { dateStyle: "medium" }, { dateStyle: "long" }, { month: "short", day: "numeric" }, { hour: "numeric", minute: "2-digit" }, { timeStyle: "short" }, { year: "numeric", month: "long" }, { weekday: "short", year: "numeric", month: "short", day: "numeric" }])
      for (const end of ends) cases.push(`new Intl.DateTimeFormat('${locale}', ${text(options)}).formatRange(${starts[0]}, ${starts[0] + end})`);
  return cases;
}

const METHODS = [
  "new Date(0).toLocaleString()", "new Date(0).toLocaleDateString()", "new Date(0).toLocaleTimeString()", "new Date(0).toLocaleString('de')", "new Date(0).toLocaleString('en-US', { timeZone: 'America/New_York' })",
  "new Date(0).toLocaleDateString('fr', { month: 'long' })", "new Date(0).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })", "new Date(0).toLocaleDateString('en', { hour: 'numeric' })",
  "new Date(0).toLocaleTimeString('en', { month: 'short' })", "new Date(0).toLocaleString('en', { weekday: 'long' })", "new Date(0).toLocaleTimeString([], { timeStyle: 'short' })", "new Date(0).toLocaleDateString(undefined, { dateStyle: 'medium' })",
  "(1234567.891).toLocaleString()", "(1234567.891).toLocaleString('de-DE')", "(0.256).toLocaleString('en', { style: 'percent' })", "(1e21).toLocaleString()", "NaN.toLocaleString()", "(-0).toLocaleString()",
  "12345678901234567890n.toLocaleString()", "12345678901234567890n.toLocaleString('de')", "[1234.5, new Date(0), null, 'a', undefined, [5000]].toLocaleString()", "[1234.5].toLocaleString('de')", "[1, 2].toLocaleString('en', { style: 'currency', currency: 'EUR' })",
  "new Float64Array([1234.5, 2]).toLocaleString('de')", "(() => { const a = [1]; a.push(a); return a.toLocaleString() })()", "'\\u0130I i'.toLocaleLowerCase('tr')", "'i\\u0131'.toLocaleUpperCase('tr')", "'I'.toLocaleLowerCase()", "'\\u00df'.toLocaleUpperCase('de')", "'i'.toLocaleUpperCase(['az'])", "'I\\u0307'.toLocaleLowerCase('az')",
  "Number.prototype.toLocaleString.length", "Date.prototype.toLocaleString.length", "String.prototype.localeCompare.length", "Array.prototype.toLocaleString.length", "String.prototype.toLocaleUpperCase.length", "Object.prototype.toString.call(Intl)",
  "Intl.NumberFormat.length", "Intl.DateTimeFormat.length", "Intl.Collator.length", "Object.prototype.toString.call(new Intl.NumberFormat())", "Object.prototype.toString.call(new Intl.DateTimeFormat())", "Object.prototype.toString.call(new Intl.Collator())", "Object.prototype.toString.call(new Intl.PluralRules())",
  "Intl.DateTimeFormat.name", "Intl.NumberFormat.name", "Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, 'format').get.name", "new Intl.DateTimeFormat() instanceof Intl.DateTimeFormat", "(class extends Intl.DateTimeFormat { x() { return this.format(0) } }).name", "new (class extends Intl.DateTimeFormat { x() { return this.format(0) } })('de').x()",
  "new (class A extends Intl.Collator {})('de') instanceof Intl.Collator", "typeof Intl.NumberFormat().format", "Intl.NumberFormat('en').format === Intl.NumberFormat('en').format", "(() => { const f = new Intl.NumberFormat('en'); return f.format === f.format })()", "[3, 1000].map(new Intl.NumberFormat('en').format)", "[0].map(new Intl.DateTimeFormat('en').format)", "['b', 'a'].sort(new Intl.Collator().compare)",
];

const NUMBER_OPTIONS = [
  {}, { style: "currency", currency: "USD" }, { style: "currency", currency: "JPY" }, { style: "currency", currency: "EUR", currencyDisplay: "name" }, { style: "currency", currency: "EUR", currencyDisplay: "code" },
  { style: "currency", currency: "USD", currencySign: "accounting" }, { style: "currency", currency: "CAD", currencyDisplay: "narrowSymbol" }, { style: "currency", currency: "EUR", minimumFractionDigits: 0 }, { style: "percent" }, { style: "percent", maximumFractionDigits: 2 },
  { notation: "compact" }, { notation: "compact", compactDisplay: "long" }, { notation: "compact", style: "currency", currency: "USD" }, { notation: "scientific" }, { notation: "engineering" }, { style: "unit", unit: "kilometer" }, { style: "unit", unit: "liter", unitDisplay: "long" },
  { style: "unit", unit: "kilometer-per-hour" }, { style: "unit", unit: "megabyte", unitDisplay: "narrow" }, { minimumFractionDigits: 2 }, { maximumFractionDigits: 0 }, { maximumSignificantDigits: 3 }, { minimumIntegerDigits: 5 }, { useGrouping: false }, { signDisplay: "always" }, { signDisplay: "exceptZero" },
  { roundingMode: "floor", maximumFractionDigits: 1 }, { useGrouping: "min2" }, { trailingZeroDisplay: "stripIfInteger", minimumFractionDigits: 2 }, { roundingIncrement: 5, maximumFractionDigits: 2, minimumFractionDigits: 2 },
];
const NUMBERS = ["0", "-0", "1", "-1", "0.5", "1.005", "1234.5678", "-9876543.21", "1e21", "1e-7", "NaN", "Infinity", "-Infinity", "123456789012345678901234567890n", "999999", "1500", "12", "2.5", "0.045", "'12.50'", "null", "undefined"];

function numberCases() {
  const cases = [];
  let n = 0;
  for (const locale of [...LOCALES, "de-CH", "en-IN", "pt-PT", "es-MX", "fr-CA"])
    for (const options of NUMBER_OPTIONS) {
      const count = locale === "en-US" ? NUMBERS.length : 3;
      for (let i = 0; i < count; i++) cases.push(`new Intl.NumberFormat('${locale}', ${text(options)}).format(${NUMBERS[n++ % NUMBERS.length]})`);
    }
  return [
    ...cases,
    "new Intl.NumberFormat('en', { style: 'currency', currency: 'USD' }).formatToParts(-1234.5)", "new Intl.NumberFormat('de').formatToParts(1234567.891)", "new Intl.NumberFormat('en', { notation: 'compact' }).formatToParts(12345)",
    "new Intl.NumberFormat('en').formatRange(3, 5)", "new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' }).formatRange(3, 5)",
    "new Intl.NumberFormat('en-US').resolvedOptions()", "new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'eur' }).resolvedOptions()", "new Intl.NumberFormat('en', { notation: 'compact' }).resolvedOptions()", "new Intl.NumberFormat('en', { maximumSignificantDigits: 3 }).resolvedOptions()",
  ];
}

function pluralCases() {
  const cases = [];
  for (const locale of [...LOCALES, "cs", "he", "uk", "ro"])
    for (const type of ["cardinal", "ordinal"]) cases.push(`(() => { const p = new Intl.PluralRules('${locale}', { type: '${type}' }); return [0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 21, 22, 23, 100, 101, 1.5, 1000000, -1].map((n) => p.select(n)).join() })()`);
  return [...cases, "new Intl.PluralRules('en', { minimumFractionDigits: 1 }).select(1)", "new Intl.PluralRules('en').selectRange(1, 2)", "new Intl.PluralRules('en-US').resolvedOptions().pluralCategories", "new Intl.PluralRules('ru').resolvedOptions().pluralCategories"];
}


function collationCases() {
  const WORDS = new Function(`${PREAMBLE}; return WORDS`)();
  const cases = [];
  for (const [locale, options] of [["en"], ["en", { sensitivity: "base" }], ["en", { sensitivity: "accent" }], ["en", { sensitivity: "case" }], ["en", { numeric: true }], ["en", { caseFirst: "upper" }], ["de"], ["sv"], ["es"], ["pl"], ["da"], ["fr"], ["tr"], ["fi"], ["cs"], ["en", { ignorePunctuation: true }]]) {
    for (let word = 0; word < WORDS.length; word++) cases.push(`row(${word}, '${locale}', ${text(options)})`);
  }
  return [
    ...cases,
    "['b', 'a', 'B', 'A', '\u00e9', 'e', 'f'].sort((a, b) => a.localeCompare(b)).join('')", "'a'.localeCompare('B')", "'a'.localeCompare('A')", "'a2'.localeCompare('a10', undefined, { numeric: true })", "'a2'.localeCompare('a10')", "'r\u00e9sum\u00e9'.localeCompare('resume', 'en', { sensitivity: 'base' })",
    "'\u00e4'.localeCompare('z', 'de')", "'\u00e4'.localeCompare('z', 'sv')", "'a\u0301'.localeCompare('\u00e1')", "'a'.localeCompare()", "['2', '10', '1'].sort(new Intl.Collator(undefined, { numeric: true }).compare).join()",
    "new Intl.Collator('en').resolvedOptions()", "new Intl.Collator('de-u-kn-true').resolvedOptions()", "new Intl.Collator('en', { sensitivity: 'base', numeric: true }).resolvedOptions()", "new Intl.Collator('en-u-kn').compare('2', '10')", "'\u0000a'.localeCompare('a')",
  ];
}

const TAGS = ["en", "EN-us", "zh-hant-tw", "sr-latn", "de-DE-u-co-phonebk", "en-u-nu-latn-ca-gregory", "iw", "en-UK", "no-NO", "x-private", "en-x-a-b", "de-1996", "sl-rozaj-biske", "en-a-bb-u-ca-iso8601", "i-klingon", "e", "en--us", "en-u", "zh-cmn", "en-US-u-kn-true", "und", "root", "fil", "tl", "es-419", "und-Latn"];

function localeCases() {
  const cases = TAGS.map((tag) => `Intl.getCanonicalLocales('${tag}')`);
  for (const tag of ["en", "en-US", "zh", "zh-TW", "sr", "de-DE-u-co-phonebk", "en-Latn-US", "uk-UA", "ar-EG", "ja-JP-u-ca-japanese", "pt"]) {
    cases.push(`(({ language, script, region, baseName, calendar, collation, hourCycle, numberingSystem, numeric, caseFirst }) => ({ language, script, region, baseName, calendar, collation, hourCycle, numberingSystem, numeric, caseFirst }))(new Intl.Locale('${tag}'))`);
    cases.push(`String(new Intl.Locale('${tag}').maximize())`, `String(new Intl.Locale('${tag}').minimize())`);
  }
  for (const tag of ["en-US", "en-SE", "de-LI", "xx", "no", "zh-Hant-TW", "en-US-u-nu-arab", "de-DE-u-hc-h12", "en-u-ca-gregory", "pt-BR", "fr-LU"]) cases.push(`Intl.DateTimeFormat.supportedLocalesOf('${tag}').length`);
  return [
    ...cases,
    "Intl.getCanonicalLocales(['en', 'EN', 'de'])", "Intl.getCanonicalLocales()", "Intl.getCanonicalLocales([])", "new Intl.DateTimeFormat('xx').resolvedOptions().locale", "new Intl.DateTimeFormat(['xx', 'de-DE']).resolvedOptions().locale", "new Intl.DateTimeFormat('de-u-hc-h12', { hour: 'numeric' }).resolvedOptions().hourCycle",
    "new Intl.DateTimeFormat('en-US-u-hc-h23').resolvedOptions().locale", "new Intl.DateTimeFormat('en-US-u-hc-h23', { hour: 'numeric' }).format(0)", "new Intl.DateTimeFormat('de-DE-u-ca-gregory-nu-latn').resolvedOptions().locale", "new Intl.NumberFormat('de-DE-u-nu-latn').resolvedOptions().locale",
    "String(new Intl.Locale('en', { region: 'US', hourCycle: 'h23', calendar: 'gregory' }))", "String(new Intl.Locale('en-u-kn-false', { numeric: true }))", "new Intl.Locale('de') + ''", "new Intl.NumberFormat(new Intl.Locale('de')).format(1.5)",
    "Intl.supportedValuesOf('timeZone').length", "Intl.supportedValuesOf('currency').join()", "Intl.supportedValuesOf('unit').join()",
  ];
}

const TEXTS = [
  ...["en", "de", "fr", "es", "ja", "zh", "sv"].flatMap((locale) => [
    ...["conjunction", "disjunction", "unit"].flatMap((type) => ["long", "short", "narrow"].map((style) => `[[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((l) => new Intl.ListFormat('${locale}', { type: '${type}', style: '${style}' }).format(l)).join('|')`)),
    ...["year", "quarter", "month", "week", "day", "hour", "minute", "second"].flatMap((unit) => ["always", "auto"].map((numeric) => `[-10, -1, -0, 0, 1, 2, 1.5, 1000].map((n) => new Intl.RelativeTimeFormat('${locale}', { numeric: '${numeric}' }).format(n, '${unit}')).join('|')`)),
  ]),
  "new Intl.RelativeTimeFormat('en', { style: 'short' }).format(-3, 'months')", "new Intl.RelativeTimeFormat('en').formatToParts(-3, 'day')", "new Intl.ListFormat('en').formatToParts(['a', 'b'])", "new Intl.ListFormat('en', { type: 'unit' }).format(new Set(['x', 'y']))",
];

const sections = {
  dates: dateCases(),
  zones: zoneCases(),
  parts: PARTS,
  resolved: ["en-US", "en-GB", "de"].flatMap((locale) => RESOLVED.map((options) => `new Intl.DateTimeFormat('${locale}', ${options}).resolvedOptions()`)),
  errors: ERRORS,
  ranges: rangeCases(),
  methods: METHODS,
  numbers: numberCases(),
  plurals: pluralCases(),
  collation: collationCases(),
  locales: localeCases(),
  texts: TEXTS,
};
const write = (name, text) => writeFileSync(new URL(`intl/${name}.json`, import.meta.url), text);
write("common", `${JSON.stringify({ node: process.version, show: SHOW, preamble: PREAMBLE })}\n`);
for (const [name, cases] of Object.entries(sections)) {
  const lines = cases.map((expression) => JSON.stringify([expression, show(new Function(`${PREAMBLE}; return (${expression})`))]));
  write(name, `[${lines.join(",\n")}]\n`);
}
