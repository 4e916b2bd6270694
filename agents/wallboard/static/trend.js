// The last hour, minute by minute.
import { make, put } from "/static/dom.js";
import { goalOf, house, nowAt } from "/static/house.js";
import { NONE, number, percent, t } from "/static/text.js";

const SVG = "http://www.w3.org/2000/svg";
const MINUTES = 60;
const GAP = 15; // minutes without a point that the line still crosses

// [minute of the hour, value] of every minute that has one.
function points(scope, metric) {
  const last = Math.floor(nowAt() / 60000) * 60000;
  return (house.trend[scope] || [])
    .map((point) => [MINUTES - 1 - (last - point.start_at) / 60000, point[metric]])
    .filter(([slot, value]) => slot >= 0 && slot < MINUTES && value !== null && value !== undefined);
}

function drawing(...classes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 60 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const paths = classes.map((cls) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", cls);
    svg.append(path);
    return path;
  });
  return [svg, ...paths];
}

function set(node, name, text) {
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

// Customer messages a minute.
export function spark(scope, tall = false) {
  const [svg, bars] = drawing("bars");
  const caption = make("figcaption", "note");
  const [most, scale] = scaled();
  const node = make("figure", tall ? "panel chart" : "spark", ...(tall ? [caption, make("div", "plot", svg, scale), axis()] : [svg, caption]));
  const draw = () => {
    const found = points(scope, "messages_in");
    const top = Math.max(0, ...found.map(([, value]) => value));
    const sum = found.reduce((all, [, value]) => all + value, 0);
    set(bars, "d", found.map(([slot, value]) => `M${(slot + 0.12).toFixed(2)} 20v${(-19.5 * (value / (top || 1))).toFixed(2)}h.76V20z`).join(""));
    set(svg, "aria-label", t("trend.messages", { sum: number(sum), top: number(top) }));
    put(caption, t("trend.messages", { sum: number(sum), top: number(top) }));
    put(most, number(top));
  };
  draw();
  return { node, draw };
}

// The service level of the quarter of an hour up to each minute; where nothing was decided it leaves a gap.
function line(scope) {
  const [svg, aim, run] = drawing("aim", "run");
  const caption = make("figcaption", "note");
  const [most, scale, least] = scaled();
  const node = make("figure", "panel chart", caption, make("div", "plot", svg, scale), axis());
  put(most, percent(1));
  const draw = () => {
    const found = points(scope, "trailing_level");
    const goal = goalOf(scope, "service_level_ratio");
    const worst = found.length ? Math.min(...found.map(([, ratio]) => ratio)) : null;
    const floor = Math.max(0, Math.floor(Math.min(worst ?? 1, goal ?? 1) * 10 - 0.5) / 10);
    const y = (ratio) => (19.5 - (19 * (ratio - floor)) / (1 - floor)).toFixed(2);
    put(least, percent(floor));
    let before = null;
    set(run, "d", found.map(([slot, ratio]) => {
      const joined = before !== null && slot - before < GAP;
      before = slot;
      return `${joined ? "L" : "M"}${(slot + 0.5).toFixed(2)} ${y(ratio)}${joined ? "" : "h0"}`;
    }).join(""));
    set(aim, "d", goal === undefined ? "" : `M0 ${y(goal)}H60`);
    const text = t("trend.level", { worst: worst === null ? NONE : percent(worst), goal: percent(goal) });
    set(svg, "aria-label", text);
    put(caption, text);
  };
  draw();
  return { node, draw };
}

function axis() {
  const node = make("p", "axis note", make("span", "", t("trend.from")), make("span", "", t("trend.to")));
  node.setAttribute("aria-hidden", "true");
  return node;
}

// What the top and the bottom of a chart mean.
function scaled() {
  const most = make("span");
  const least = make("span", "", number(0));
  const scale = make("div", "scale note", most, least);
  scale.setAttribute("aria-hidden", "true");
  return [most, scale, least];
}

export const trends = (scope) => [spark(scope, true), line(scope)];
