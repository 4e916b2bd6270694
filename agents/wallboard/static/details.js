// Every figure of the scope that the page is about, each with what it is.
import { $, make, put } from "/static/dom.js";
import { fraction, house, nameOf, time } from "/static/house.js";
import { METRICS, base, called, format, has, percent, t } from "/static/text.js";

const ORDER = Object.keys(METRICS);
const place = (metric) => (ORDER.includes(base(metric)) ? ORDER.indexOf(base(metric)) : ORDER.length);

let rows = [];

function text(metric, value) {
  switch ((METRICS[base(metric)] || [])[0]) {
    case "list": return value.map((each) => `${each.topic} ${percent(each.share)}`).join(", ");
    case "ms": return value === null ? format(metric, value) : time(value);
    default: return format(metric, value);
  }
}

function known() {
  const records = [house.window, "now"].map((window) => house.records.get(`${house.view}:${window}`));
  return Object.assign({}, ...records.map((record) => record && record.metrics));
}

export function fillFigures() {
  if (!$("figures").open) return;
  const metrics = known();
  for (const { metric, dd, made } of rows) {
    if (!Object.hasOwn(metrics, metric)) continue;
    put(dd, text(metric, metrics[metric]));
    put(made, fraction(house.view, metric));
  }
}

export function openFigures() {
  const names = Object.keys(known()).sort((a, b) => place(a) - place(b));
  rows = names.map((metric) => ({ metric, dd: make("dd"), made: make("dd", "note") }));
  $("figures-list").replaceChildren(...rows.map(({ metric, dd, made }) => {
    const about = has(`about.${base(metric)}`) ? t(`about.${base(metric)}`) : "";
    return make("div", "", make("dt", "", called(metric)), made, dd, make("dd", "note about", about));
  }));
  $("figures-of").replaceChildren(make("bdi", "", nameOf(house.view)), ` · ${t(`window.${house.window}`)}`);
  $("figures").showModal();
  fillFigures();
}
