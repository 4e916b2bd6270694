// Texts, numbers, durations and times in the reader's language.
const page = JSON.parse(document.getElementById("page").textContent);
const lang = document.documentElement.lang;

export const WINDOWS = page.windows;
export const METRICS = page.metrics;
export const GAUGES = new Set(page.gauges);
export const BY_DAY = page.byDay; // windows of whole days, and the kinds of scopes that have them
export const NONE = "–";

export const has = (key) => Object.hasOwn(page.text, key);

export function t(key, values = {}) {
  return page.text[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const counted = new Intl.NumberFormat(lang, { maximumFractionDigits: 2 });
const shared = new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 1 });
const unit = (name, options = {}) => new Intl.NumberFormat(lang, { style: "unit", unit: name, unitDisplay: "narrow", useGrouping: false, ...options });
const [seconds, minutes, hours, days] = ["second", "minute", "hour", "day"].map((name) => unit(name));
const [secondsAfter, minutesAfter] = ["second", "minute"].map((name) => unit(name, { minimumIntegerDigits: 2 }));
const tenths = unit("second", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const missing = (value) => value === null || value === undefined;

const whole = new Intl.NumberFormat(lang, { maximumFractionDigits: 0 });

export const number = (value) => (missing(value) ? NONE : counted.format(value));

// 79.96 % is not 80 %: what misses a goal must not look like it.
export const percent = (ratio) => (missing(ratio) ? NONE : shared.format(Math.floor(ratio * 1000 + 1e-9) / 1000));

export function duration(value) {
  if (missing(value)) return NONE;
  if (value < 9.95) return tenths.format(value);
  const s = Math.round(value);
  if (s < 60) return seconds.format(s);
  if (s < 3600) return `${minutes.format(Math.floor(s / 60))} ${secondsAfter.format(s % 60)}`;
  if (s < 86400) return `${hours.format(Math.floor(s / 3600))} ${minutesAfter.format(Math.floor((s % 3600) / 60))}`;
  return `${days.format(Math.floor(s / 86400))} ${hours.format(Math.floor((s % 86400) / 3600))}`;
}

// A clock that ticks: whole seconds, never rounded up.
export function ticking(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  return s < 60 ? seconds.format(s) : duration(s);
}

export function time(ms, zone) {
  return new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone }).format(ms);
}

// Money also stands in records with a currency at its end.
export const base = (metric) => (Object.hasOwn(METRICS, metric) ? metric : metric.replace(/_[a-z]{3}$/, ""));

export function format(metric, value) {
  const [kind] = METRICS[base(metric)] || [];
  switch (kind) {
    case "s": return duration(value);
    case "ratio": return percent(value);
    case "points": return missing(value) ? NONE : whole.format(value);
    default: return number(value);
  }
}

// What a metric is called; one that the page does not know, by its field.
export function called(metric) {
  const known = base(metric);
  if (!has(`metric.${known}`)) return metric;
  return t(`metric.${known}`) + (known === metric ? "" : ` (${metric.slice(-3).toUpperCase()})`);
}

// The same where there is little room.
export const short = (metric) => (has(`short.${metric}`) ? t(`short.${metric}`) : called(metric));

export const alphabetical = new Intl.Collator(lang, { numeric: true }).compare;
