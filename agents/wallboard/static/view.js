// Formats, and the small pieces that pages are made of. Text is only ever set as text.

export const NONE = "–";

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${String(s % 60).padStart(2, "0")}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

// A clock that ticks: whole seconds, never rounded up.
export function ticking(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  return s < 60 ? `${s}s` : duration(s);
}

export function percent(ratio) {
  if (ratio === null || ratio === undefined) return NONE;
  // 79.96 % is not 80 %: what misses a goal must not look like it.
  return `${Math.floor(ratio * 1000 + 1e-9) / 10}%`.replace(".0%", "%");
}

export function number(value) {
  return value === null || value === undefined ? NONE : value.toLocaleString("en");
}

export function make(tag, cls, text) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
}

// Touches the page only where something changed.
export function put(node, text, raw) {
  if (node.textContent !== text) node.textContent = text;
  if (raw !== undefined) {
    const value = raw === null ? "" : String(raw);
    if (node.dataset.value !== value) node.dataset.value = value;
  }
}

export function mark(node, name, value) {
  if (value === undefined || value === null) {
    if (name in node.dataset) delete node.dataset[name];
  } else if (node.dataset[name] !== value) node.dataset[name] = value;
}

// How a figure stands to its goal: a colour, and a sign for those who do not see it.
export const SIGNS = { good: "✓", warn: "▲", bad: "✕" };
const WORDS = { good: "on goal", warn: "near goal", bad: "off goal" };

export function standing(metric, value, goal) {
  if (value === null || value === undefined || goal === undefined) return null;
  const more = !metric.endsWith("_s") && !metric.startsWith("backlog") && !metric.startsWith("sl_m");
  if (more ? value >= goal : value <= goal) return "good";
  if (metric.endsWith("_ratio")) return value >= goal - 0.1 ? "warn" : "bad";
  return (more ? value >= goal * 0.9 : value <= goal * 1.25) ? "warn" : "bad";
}

export function say(state) {
  return state ? `${SIGNS[state]} ${WORDS[state]}` : "no sample";
}

const SVG = "http://www.w3.org/2000/svg";

export function spark() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 60 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const bars = document.createElementNS(SVG, "path");
  svg.append(bars);
  return svg;
}

export function drawSpark(svg, points, metric, nowAt) {
  const last = Math.floor(nowAt / 60000) * 60000;
  let top = 1;
  let sum = 0;
  const inside = [];
  for (const point of points || []) {
    const slot = 59 - (last - point.start_at) / 60000;
    if (slot < 0 || slot > 59) continue;
    const value = point[metric] || 0;
    top = Math.max(top, value);
    sum += value;
    inside.push([slot, value]);
  }
  const path = inside
    .map(([slot, value]) => `M${(slot + 0.12).toFixed(2)} 20v${(-19.5 * (value / top)).toFixed(2)}h.76V20z`)
    .join("");
  const bars = svg.firstChild;
  if (bars.getAttribute("d") !== path) bars.setAttribute("d", path);
  svg.setAttribute("aria-label", `Customer messages a minute over the last hour: ${sum}, at most ${inside.length ? top : 0} a minute`);
  return { sum, top: inside.length ? top : 0 };
}
