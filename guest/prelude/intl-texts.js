// `Intl.ListFormat` and `Intl.RelativeTimeFormat` of FormatJS.

import { default as ListFormat } from "@formatjs/intl-listformat";
import { default as RelativeTimeFormat } from "@formatjs/intl-relativetimeformat";
import { intl, need } from "./intl.js";
import { Intl as inner } from "./intl-inner.js";
import { feed, tidy } from "./intl-matcher.js";

export function install() {
  const { data, expose, list } = need("core");
  need("numbers");
  inner.getCanonicalLocales = list;
  // Not what stands in the global object: user code may have replaced that.
  inner.NumberFormat = intl.numbers.NumberFormat;
  inner.PluralRules = intl.numbers.PluralRules;
  feed(ListFormat.localeData, (name) => data(name, "lists"));
  feed(RelativeTimeFormat.localeData, (name) => data(name, "relative"));
  tidy(ListFormat);
  tidy(RelativeTimeFormat);
  expose("ListFormat", ListFormat);
  expose("RelativeTimeFormat", RelativeTimeFormat);
  intl.texts = { __proto__: null };
}
