// What is known of the house, and how a figure stands to its goal.
import { BY_DAY, GAUGES, METRICS, base, number, t, time as timeIn } from "/static/text.js";

const VIEWS = new Set(["tenant", "channel", "team", "agent"]);

export const house = {
  view: "tenant", window: "15m", tenant: "",
  records: new Map(), trend: {}, views: new Set(), breaches: new Map(),
  settings: { fractions: {}, goals: {}, names: {}, threshold_s: {}, timezone: "UTC" },
  base: null, // the instant of the last status by the house's clock, and by this page's
};

export const nowAt = () => (house.base ? house.base.at + performance.now() - house.base.mark : Date.now());
export const time = (ms) => timeIn(ms, house.settings.timezone);
export const partOf = (scope) => scope.slice(scope.indexOf("/") + 1);
export const kindOf = (scope) => scope.split("/").map((part) => part.split(":")[0]).join("/");
export const isView = (scope) => VIEWS.has(kindOf(scope));
const idOf = (scope) => scope.slice(scope.indexOf(":") + 1);

export function value(scope, metric) {
  const record = house.records.get(`${scope}:${GAUGES.has(metric) ? "now" : house.window}`);
  return record ? record.metrics[metric] : undefined;
}

// Whether a kind of scope has a metric at all, and the window that is shown.
export const holds = (kind, metric) => (METRICS[metric][2] || [kind]).includes(kind);
export const isKept = (scope) => !BY_DAY.windows.includes(house.window) || BY_DAY.kinds.includes(kindOf(scope));

// A ratio's numerator and denominator, which the record holds beside it: 34/40.
export function fraction(scope, metric) {
  const sums = (house.settings.fractions[metric] || []).map((terms) =>
    terms.reduce((sum, term) => (term.startsWith("-") ? sum - value(scope, term.slice(1)) : sum + value(scope, term)), 0),
  );
  return sums.length && sums.every(Number.isFinite) ? sums.map(number).join("/") : "";
}

// --- names -----------------------------------------------------------------------------------------------

function decoded(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

// An id as a scope writes it: percent-encoded where it holds `/`, `:`, `|`, `%` or a space.
export const encoded = (id) => id.replace(/[/:|% ]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

function named(kind, id) {
  const names = house.settings.names[kind] || {};
  return Object.hasOwn(names, id) ? names[id] : null;
}

export const agentName = (id) => named("agents", id) || id;

export function channelName(id) {
  return named("channels", id) || { whatsapp: "WhatsApp", email: t("channel.email"), chat: t("channel.chat") }[id] || id.charAt(0).toUpperCase() + id.slice(1);
}

export function nameOf(scope) {
  const id = decoded(idOf(scope.split("/")[0]));
  switch (kindOf(scope)) {
    case "tenant": return t("view.tenant");
    case "channel": return channelName(id);
    case "team": return named("teams", id) || id;
    case "agent": case "agent/channel": return agentName(id);
    default: return id;
  }
}

// --- goals -----------------------------------------------------------------------------------------------

export const SIGNS = { good: "✓", warn: "▲", bad: "✕" };

// Its own goal; for an agent in a channel the channel's; for the service level at last the house's.
export function goalOf(scope, metric) {
  const of = (name) => (house.settings.goals[name] || {})[metric];
  return of(scope) ?? of(partOf(scope)) ?? (metric === "service_level_ratio" ? of("tenant") : undefined);
}

export function standing(metric, value, goal) {
  const [unit, better] = METRICS[base(metric)] || [];
  if (value === null || value === undefined || goal === undefined || (better !== "higher" && better !== "lower")) return null;
  const more = better === "higher";
  if (more ? value >= goal : value <= goal) return "good";
  if (unit === "ratio") return Math.abs(value - goal) <= 0.1 + 1e-9 ? "warn" : "bad";
  return (more ? value >= goal * 0.9 : value <= goal * 1.25) ? "warn" : "bad";
}

// A wait against the channel's threshold of the service level; where there is none it stands to nothing.
export function patience(scope, waited_s) {
  const limit = house.settings.threshold_s[idOf(partOf(scope))];
  if (!limit || kindOf(partOf(scope)) !== "channel") return null;
  return waited_s > limit ? "bad" : waited_s > limit * 0.8 ? "warn" : null;
}
