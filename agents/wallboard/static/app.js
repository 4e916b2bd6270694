// The page: what the address asks for, drawn from what the stream says.
import { change, read, refresh } from "/static/address.js";
import { announce, banners } from "/static/banners.js";
import { fillFigures, openFigures } from "/static/details.js";
import { closeDialogs, startDialogs } from "/static/dialogs.js";
import { $, make, put } from "/static/dom.js";
import { card, summary } from "/static/figures.js";
import { house, kindOf, nameOf, nowAt, partOf, time } from "/static/house.js";
import { Alerts, Waiters } from "/static/lists.js";
import { connect, link } from "/static/stream.js";
import { AGENTS, TEAMS, Table } from "/static/tables.js";
import { WINDOWS, alphabetical, t } from "/static/text.js";
import { trends } from "/static/trend.js";

const agents = new Table("agents", AGENTS, t("column.agent"));
const teams = new Table("teams", TEAMS, t("column.team"));
const waiters = new Waiters();
const alerts = new Alerts();

let figures = null; // of the scope that the page is about
let charts = [];
const cards = new Map();

// --- a view -----------------------------------------------------------------------------------------------

const kinds = () => ({
  tenant: { cards: "channel", agents: "agent", teams: "team" },
  channel: { agents: "agent/channel", trend: true },
  team: { trend: true },
  agent: { cards: "agent/channel" },
})[kindOf(house.view)];

function show() {
  Object.assign(house, read());
  const { trend, ...parts } = kinds();
  document.body.dataset.view = kindOf(house.view);
  $("summary").dataset.scope = house.view;
  figures = summary(house.view);
  charts = trend ? trends(house.view) : [];
  $("trends").hidden = !trend;
  for (const old of $("trends").querySelectorAll("figure")) old.remove();
  $("trends").append(...charts.map((chart) => chart.node));
  $("channels").hidden = !parts.cards;
  $("agents-panel").hidden = !parts.agents;
  $("teams-panel").hidden = true;
  $("up").hidden = house.view === "tenant";
  $("unknown").hidden = true;
  for (const input of $("windows").querySelectorAll("input")) input.checked = input.value === house.window;
  keep(new Set());
  waiters.clear();
  alerts.clear();
  title();
  refresh();
  // What is known already is shown at once; the snapshot brings the rest.
  draw(scopesKnown());
  connect(hear);
}

function title() {
  const kind = kindOf(house.view);
  put($("kind"), kind === "tenant" ? "" : t(`view.${kind}`));
  put($("name"), nameOf(house.view));
  put($("tenant"), house.tenant);
  put($("zone"), house.settings.timezone);
  if (house.tenant) put($("clock"), time(nowAt()));
  document.title = [nameOf(house.view), house.tenant, "Sigap"].filter(Boolean).join(" · ");
}

function go(view) {
  closeDialogs();
  change({ view }, { push: true });
  show();
  scrollTo(0, 0);
  $("title").focus({ preventScroll: true });
}

// --- figures ----------------------------------------------------------------------------------------------

const scopesKnown = () => new Set([...house.records.keys()].map((key) => key.slice(0, key.lastIndexOf(":"))));

function keep(scopes) {
  agents.keep(scopes);
  teams.keep(scopes);
  for (const [scope, made] of cards) {
    if (scopes.has(scope)) continue;
    made.node.remove();
    cards.delete(scope);
  }
}

function cardsOf(scopes) {
  for (const scope of scopes) if (!cards.has(scope)) cards.set(scope, card(scope));
  const sorted = [...cards].sort(([a], [b]) => alphabetical(nameOf(partOf(a)), nameOf(partOf(b))));
  let before = $("channels-title");
  for (const [, { node }] of sorted) {
    if (before.nextElementSibling !== node) before.after(node);
    before = node;
  }
}

function draw(scopes) {
  const parts = kinds();
  const belongs = (scope) => house.view === "tenant" || scope.split("/").includes(house.view);
  const of = (kind) => [...scopes].filter((scope) => kindOf(scope) === kind && belongs(scope));
  if (parts.cards) cardsOf(of(parts.cards));
  if (parts.agents) agents.show(of(parts.agents));
  if (parts.teams) teams.show(of(parts.teams));
  $("teams-panel").hidden = !teams.rows.size;
  figures.fill();
  for (const each of cards.values()) each.fill();
  fillFigures();
}

const drawTrends = () => [figures, ...charts, ...cards.values()].forEach((each) => each.draw());

function take(body) {
  if (body.settings) house.settings = body.settings;
  const changed = new Set();
  for (const record of body.records || []) {
    const key = `${record.scope}:${record.window}`;
    const held = house.records.get(key);
    if (held && held.seq > record.seq) continue;
    house.records.set(key, record);
    changed.add(record.scope);
    if (["channel", "team", "agent"].includes(kindOf(record.scope))) house.views.add(record.scope);
  }
  Object.assign(house.trend, body.trend || {});
  draw(changed);
  if (body.settings || body.trend) drawTrends();
  if (body.waiting) waiters.show(body.waiting);
  const news = body.alerts ? alerts.add(body.alerts) : [];
  banners(link);
  return news;
}

const hear = {
  snapshot(body) {
    house.records.clear();
    house.trend = {};
    house.tenant = body.tenant;
    house.views = new Set(body.views);
    house.settings = body.settings;
    keep(new Set(body.records.map((record) => record.scope)));
    alerts.clear();
    title();
    take(body);
    alerts.settle();
    agents.order();
    $("unknown").hidden = house.view === "tenant" || house.views.has(house.view);
  },
  delta(body) {
    announce(take(body));
    if (house.views.has(house.view)) $("unknown").hidden = true;
  },
  changed() {
    banners(link);
    if (house.tenant) document.body.classList.add("ready");
  },
};

// --- switches ---------------------------------------------------------------------------------------------

function useWindow(window) {
  if (!window || window === house.window) return;
  change({ window });
  house.window = window;
  for (const input of $("windows").querySelectorAll("input")) input.checked = input.value === window;
  connect(hear);
}

for (const window of WINDOWS) {
  const input = make("input");
  input.type = "radio";
  input.name = "window";
  input.value = window;
  input.addEventListener("change", () => useWindow(window));
  $("windows").append(make("label", "", input, make("span", "", t(`window.${window}`))));
}

const preferred = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme || (preferred.matches ? "dark" : "light")) === "dark";
const showTheme = () => $("theme").setAttribute("aria-pressed", String(isDark()));

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("dark").media = { dark: "all", light: "not all" }[theme] || preferred.media;
  showTheme();
}

function otherTheme() {
  setTheme(isDark() ? "light" : "dark");
  change({ theme: document.documentElement.dataset.theme });
}

preferred.addEventListener("change", showTheme);
$("theme").addEventListener("click", otherTheme);

document.addEventListener("click", (event) => {
  const found = event.target.closest("a[data-view]");
  if (!found || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(found.dataset.view);
});

addEventListener("popstate", () => {
  closeDialogs();
  setTheme(new URLSearchParams(location.search).get("theme") || "");
  show();
});

startDialogs({
  ...Object.fromEntries(WINDOWS.map((window, index) => [String(index + 1), () => useWindow(window)])),
  h: () => house.view !== "tenant" && go("tenant"),
  f: openFigures,
  t: otherTheme,
  l: () => location.assign($("lang").href),
});

setInterval(() => {
  if (house.tenant) put($("clock"), time(nowAt()));
  banners(link);
  // What nobody keeps up to date any more must not look alive.
  if (document.body.classList.contains("still")) return;
  for (const each of [figures, ...cards.values()]) each.tick();
  waiters.tick();
  alerts.tick();
}, 1000);
setInterval(() => {
  drawTrends();
  agents.calmly();
  teams.calmly();
}, 20000);

showTheme();
show();
