// Time zones of the IANA database: what a name stands for, and which offset from UTC a zone has when. The data are a text
// for each zone (build/intl.mjs), which is read once when the zone is used.

import {
  MathFloor,
  NumberParseInt,
  ObjectKeys,
  RegExpPrototypeExec,
  SafeMap,
  StringPrototypeCharCodeAt,
  StringPrototypeSlice,
  StringPrototypeToUpperCase,
  newList,
  splitText,
  ArrayPrototypePush,
} from "./primordials.js";
import { LINKS, ZONES } from "./intl-zone-data.js";

const DAY = 86_400;

/** When the data begin to tell of changes, in seconds: 1880. */
const FIRST = -2_840_140_800;

const OFFSET = /^([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?$/;

let names;
const parsed = new SafeMap();

/** The canonical id of a time zone by any name or case, `+05:30` for an offset; undefined if there is none of it. */
export function canonicalZone(text) {
  if (ZONES[text] !== undefined) return text;
  if (LINKS[text] !== undefined) return LINKS[text];
  const offset = RegExpPrototypeExec(OFFSET, text);
  if (offset !== null) {
    const minutes = offset[3] ?? "00";
    const isZero = offset[2] === "00" && minutes === "00";
    return (isZero ? "+" : offset[1]) + offset[2] + ":" + minutes;
  }
  if (names === undefined) {
    names = new SafeMap();
    addNames(ObjectKeys(ZONES), (name) => name);
    addNames(ObjectKeys(LINKS), (name) => LINKS[name]);
  }
  return names.get(StringPrototypeToUpperCase(text));
}

function addNames(list, target) {
  for (let i = 0; i < list.length; i++) names.set(StringPrototypeToUpperCase(list[i]), target(list[i]));
}

/** The place of a zone's names in the data of locales; -1 for an offset. */
export function zoneNumber(zone) {
  const line = ZONES[zone];
  return line === undefined ? -1 : NumberParseInt(line, 36);
}

/** Seconds east of UTC in a canonical zone at `ms`. */
export function offsetAt(zone, ms) {
  let data = parsed.get(zone);
  if (data === undefined) {
    data = read(zone);
    parsed.set(zone, data);
  }
  const { times, offsets, from, rules } = data;
  const seconds = MathFloor(ms / 1000);
  if (rules.length === 2 && seconds >= from) return byRule(data, seconds);
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] <= seconds) low = middle + 1;
    else high = middle;
  }
  return offsets[low];
}

function read(zone) {
  const times = newList();
  const offsets = newList();
  const first = StringPrototypeCharCodeAt(zone, 0);
  if (first === 0x2b || first === 0x2d) {
    const minutes = NumberParseInt(StringPrototypeSlice(zone, 1, 3), 10) * 60 + NumberParseInt(StringPrototypeSlice(zone, 4), 10);
    ArrayPrototypePush(offsets, (first === 0x2d ? -60 : 60) * minutes);
    return { times, offsets, from: 0, rules: newList() };
  }
  const { 1: values, 2: changes, 3: tail } = splitText(ZONES[zone], "|");
  const known = splitText(values, ",");
  ArrayPrototypePush(offsets, NumberParseInt(known[0], 36));
  let time = FIRST;
  let start = 0;
  for (let i = 0; i < changes.length; i++) {
    const letter = StringPrototypeCharCodeAt(changes, i);
    // Capital letters are offsets, all else belongs to numbers.
    if (letter < 65 || letter > 90) continue;
    time += NumberParseInt(StringPrototypeSlice(changes, start, i), 36);
    ArrayPrototypePush(times, time);
    ArrayPrototypePush(offsets, NumberParseInt(known[letter - 65], 36));
    start = i + 1;
  }
  const { 0: year, 1: one, 2: other } = splitText(tail, ";");
  const rules = newList();
  if (other !== undefined) {
    ArrayPrototypePush(rules, numbersOf(one));
    ArrayPrototypePush(rules, numbersOf(other));
  }
  return { times, offsets, from: year === "" ? 0 : daysBefore(NumberParseInt(year, 10)) * DAY, rules };
}

function numbersOf(text) {
  const numbers = splitText(text, ",");
  for (let i = 0; i < numbers.length; i++) numbers[i] = NumberParseInt(numbers[i], 10);
  return numbers;
}

/** Days from 1970 to the first of January of `year`. */
function daysBefore(year) {
  const past = year - 1;
  return 365 * (year - 1970) + MathFloor(past / 4) - MathFloor(past / 100) + MathFloor(past / 400) - 477;
}

const MONTHS = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

function byRule({ rules }, seconds) {
  const { year } = civil(MathFloor(seconds / DAY));
  const first = changeOf(rules[0], year, rules[1][4]);
  const second = changeOf(rules[1], year, rules[0][4]);
  return seconds >= first && seconds < second ? rules[0][4] : rules[1][4];
}

/** When in `year` a rule `month, weekday, earliest day, second, offset` takes effect, `past` being the offset before. */
function changeOf({ 0: month, 1: weekday, 2: earliest, 3: second }, year, past) {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const day = daysBefore(year) + MONTHS[month] + (isLeap && month > 1 ? 1 : 0) + earliest - 1;
  // The first of January 1970 was a Thursday.
  const isNow = (((day + 4) % 7) + 7) % 7;
  return (day + ((weekday - isNow + 7) % 7)) * DAY + second - past;
}

/** The date of a day counted from 1970: `{ year, month, day }`, months from 0, in the Gregorian calendar for all times. */
export function civil(days) {
  const shifted = days + 719_468;
  const era = MathFloor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = MathFloor((ofEra - MathFloor(ofEra / 1460) + MathFloor(ofEra / 36_524) - MathFloor(ofEra / 146_096)) / 365);
  const ofYear = ofEra - (365 * yearOfEra + MathFloor(yearOfEra / 4) - MathFloor(yearOfEra / 100));
  const shiftedMonth = MathFloor((5 * ofYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10;
  return {
    year: yearOfEra + era * 400 + (month <= 1 ? 1 : 0),
    month,
    day: ofYear - MathFloor((153 * shiftedMonth + 2) / 5) + 1,
  };
}
