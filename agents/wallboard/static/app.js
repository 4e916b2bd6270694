import { Agents } from "/static/agents.js";
import { Alerts, Waiters } from "/static/lists.js";
import { NONE, SIGNS, drawSpark, duration, make, mark, number, percent, put, say, spark, standing, ticking } from "/static/view.js";

const WINDOWS = { "5m": "5 min", "15m": "15 min", "30m": "30 min", "1h": "1 hour", today: "Today" };
const CHANNELS = { whatsapp: "WhatsApp", email: "E-mail", chat: "Chat" };
const query = new URLSearchParams(location.search);
const $ = (id) => document.getElementById(id);

const state = {
  window: WINDOWS[query.get("window")] ? query.get("window") : "15m",
  records: new Map(), trend: {}, settings: { goals: {}, names: {}, threshold_s: {}, timezone: "UTC" },
  base: null, heardAt: 0, status: null, lostAt: null, refused: null, source: null, lastId: "",
};

const nowAt = () => (state.base ? state.base.at + performance.now() - state.base.mark : Date.now());
const metricsOf = (scope, window) => (state.records.get(`${scope}:${window}`) || { metrics: {} }).metrics;
const nameOf = (kind, id) => (state.settings.names[kind] || {})[id];
const channelName = (id) => nameOf("channels", id) || CHANNELS[id] || id.charAt(0).toUpperCase() + id.slice(1);
const agentName = (id) => nameOf("agents", id) || id;
const time = (ms) => new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: state.settings.timezone }).format(ms);
const context = { nowAt, channelName, agentName, time };
const agents = new Agents($("agents"), $("agents-count"), {
  name: agentName,
  value: (scope, metric, gauge) => metricsOf(scope, gauge ? "now" : state.window)[metric],
  goal: (scope) => (state.settings.goals[scope] || state.settings.goals.tenant || {}).service_level_ratio,
});
const waiters = new Waiters($("waiters"), $("waiters-none"), context);
const alerts = new Alerts($("alerts"), $("alerts-none"), context);

// --- figures: label, metric, format, from the gauges or not ------------------------------------------

const FIGURES = {
  frt_mean_s: ["FRT mean", duration, null, "First response time, mean"],
  frt_p90_s: ["FRT p90", duration, null, "First response time: nine of ten were faster"],
  backlog_waiting: ["Waiting", number, "now"], oldest_waiting_at: ["Oldest wait", null, "now"],
  backlog_open: ["Open", number, "now"], backlog_overdue: ["Overdue", number, "now"],
  conversations_active: ["Active", number], conversations_handled: ["Handled", number],
};
const SUMMARY = ["frt_mean_s", "frt_p90_s", "backlog_waiting", "oldest_waiting_at", "backlog_open", "backlog_overdue", "conversations_active", "conversations_handled"];
const CARD = ["frt_mean_s", "frt_p90_s", "conversations_active", "backlog_waiting", "oldest_waiting_at", "backlog_open"];

function figure(metric) {
  const box = make("div", "figure");
  box.append(make("dt", "", FIGURES[metric][0]), make("dd", "", NONE));
  if (FIGURES[metric][3]) box.title = FIGURES[metric][3];
  box.dataset.metric = metric;
  return box;
}

function fillFigure(box, scope) {
  const metric = box.dataset.metric;
  const [, format, gauge] = FIGURES[metric];
  const value = metricsOf(scope, gauge || state.window)[metric];
  const dd = box.lastChild;
  if (metric === "oldest_waiting_at") {
    const wait = value ? nowAt() - value : null;
    put(dd, wait === null ? NONE : ticking(wait), value);
    const limit = state.settings.threshold_s[scope.slice(8)];
    mark(box, "state", wait !== null && limit ? (wait / 1000 > limit ? "bad" : wait / 1000 > limit * 0.8 ? "warn" : null) : null);
  } else {
    put(dd, format(value), value);
    mark(box, "state", standing(metric, value, (state.settings.goals[scope] || {})[metric]));
  }
  mark(box, "sign", SIGNS[box.dataset.state]);
}

function level(scope) {
  const box = make("div", "level");
  box.dataset.metric = "service_level_ratio";
  const big = make("strong", "big", NONE);
  const meter = make("div", "meter");
  meter.append(make("i"), make("b"));
  const note = make("p", "note");
  box.append(big, meter, note);
  box.fill = () => {
    const metrics = metricsOf(scope, state.window);
    const value = metrics.service_level_ratio;
    const goal = (state.settings.goals[scope] || {}).service_level_ratio;
    const how = standing("service_level_ratio", value, goal);
    put(big, percent(value), value);
    mark(box, "state", how);
    meter.firstChild.style.width = `${100 * (value || 0)}%`;
    meter.lastChild.style.left = `${100 * (goal ?? 1)}%`;
    const decided = (metrics.sl_met || 0) + (metrics.sl_missed || 0);
    put(note, `goal ${percent(goal)} · ${number(metrics.sl_met || 0)}/${number(decided)} in time`);
    return how;
  };
  return box;
}

// --- the summary row and the cards ---------------------------------------------------------------------

const summary = (() => {
  const first = make("div", "tile main");
  const chip = make("span", "chip");
  const head = make("h2", "", "Service level");
  head.append(chip);
  const box = level("tenant");
  first.append(head, box);
  const list = make("dl", "figures");
  const figures = SUMMARY.map(figure);
  list.append(...figures);
  $("summary").append(first, list);
  $("summary").dataset.scope = "tenant";
  return () => {
    const how = box.fill();
    put(chip, say(how));
    mark(chip, "state", how);
    for (const each of figures) fillFigure(each, "tenant");
  };
})();

const cards = new Map();

function card(channel) {
  const scope = `channel:${channel}`;
  const node = make("article", "panel card");
  node.dataset.scope = scope;
  const head = make("h2", "", channelName(channel));
  const chip = make("span", "chip");
  head.append(chip);
  const box = level(scope);
  const chart = make("figure", "spark");
  const svg = spark();
  const caption = make("figcaption", "note");
  chart.append(svg, caption);
  const list = make("dl", "figures");
  const figures = CARD.map(figure);
  list.append(...figures);
  node.append(head, box, chart, list);
  const fill = () => {
    const how = box.fill();
    put(chip, say(how));
    mark(chip, "state", how);
    for (const each of figures) fillFigure(each, scope);
  };
  const draw = () => {
    const { sum, top } = drawSpark(svg, state.trend[scope], "messages_in", nowAt());
    put(caption, `1 h: ${number(sum)} messages, peak ${number(top)}/min`);
  };
  return { node, fill, draw };
}

function showChannels() {
  const channels = [...state.records.keys()].filter((key) => key.startsWith("channel:")).map((key) => key.slice(8, key.lastIndexOf(":")));
  for (const channel of [...new Set(channels)].sort()) {
    if (cards.has(channel)) continue;
    const made = card(channel);
    cards.set(channel, made);
    const after = [...cards.keys()].sort()[[...cards.keys()].sort().indexOf(channel) + 1];
    $("channels").insertBefore(made.node, after ? cards.get(after).node : null);
    made.draw();
  }
  for (const each of cards.values()) each.fill();
}

// --- what is wrong, at once --------------------------------------------------------------------------------

function banners() {
  const wanted = [];
  const silent = state.heardAt && performance.now() - state.heardAt > 5000;
  const lost = state.lostAt !== null || silent;
  const status = state.status;
  const age = status ? status.heartbeat_age_s : null;
  if (state.refused) wanted.push(["refused", "warn", `▲ ${state.refused}`]);
  else if (lost) wanted.push(["lost", "bad", `✕ Connection to the server lost${state.lostAt ? ` at ${time(state.lostAt)}` : ""}. Figures stand still; trying again.`]);
  else if (status && !status.redis) wanted.push(["redis", "bad", "✕ The server cannot reach Redis. Figures stand still."]);
  else if (status && age === null) wanted.push(["stale", "warn", "▲ No worker has written figures yet."]);
  else if (status && age > 10) wanted.push(["stale", "bad", `✕ Stale: the worker was last heard of ${duration(age)} ago.`]);
  let lag = null;
  for (const record of state.records.values()) if (record.partial) lag = Math.max(lag || 0, record.lag_s || 0);
  if (lag !== null) wanted.push(["partial", "warn", `▲ Partial: a part of the events is still being read${lag ? `, ${duration(lag)} behind` : ""}. Figures may be too low.`]);
  if (status && status.redis && !status.durable) wanted.push(["durable", "info", "◆ Not durable: without Kafka, all figures are gone when this run ends."]);
  const box = $("banners");
  const held = new Map([...box.children].map((node) => [node.dataset.kind, node]));
  for (const [kind, look, text] of wanted) {
    const node = held.get(kind) || box.appendChild(make("p"));
    held.delete(kind);
    node.dataset.kind = kind;
    node.className = `banner ${look}`;
    put(node, text);
    node.style.order = { bad: 0, warn: 1, info: 2 }[look];
  }
  for (const node of held.values()) node.remove();
  const still = wanted.some(([kind]) => ["lost", "redis", "stale"].includes(kind));
  document.body.classList.toggle("still", still);
  const link = $("link");
  put(link, state.refused ? "Waiting" : lost ? "Connection lost" : !status ? "Connecting" : still ? "Stale" : "Live");
  mark(link, "state", state.refused ? "wait" : lost || still ? "bad" : status ? "good" : "wait");
}

// --- the stream ---------------------------------------------------------------------------------------------

function take(body) {
  if (body.settings) state.settings = body.settings;
  const changed = new Set();
  for (const record of body.records || []) {
    const key = `${record.scope}:${record.window}`;
    const held = state.records.get(key);
    if (held && held.seq > record.seq) continue;
    state.records.set(key, record);
    if (record.scope.startsWith("agent:")) changed.add(record.scope);
  }
  Object.assign(state.trend, body.trend || {});
  showChannels();
  summary();
  agents.show(changed);
  for (const [channel, made] of cards) if (body.trend && `channel:${channel}` in body.trend) made.draw();
  if (body.waiting) waiters.show(body.waiting);
  if (body.alerts) alerts.add(body.alerts);
  banners();
}

function heard(event) {
  state.heardAt = performance.now();
  state.lostAt = null;
  state.refused = null;
  if (event.lastEventId) state.lastId = event.lastEventId;
  return JSON.parse(event.data);
}

// Asks why, says it, and tries again.
async function refused(source, url) {
  try {
    const answer = await fetch(url);
    const body = answer.ok ? null : await answer.json();
    state.refused = body && answer.status < 500 ? `${body.error.what} (${body.error.where})` : null;
  } catch {
    state.refused = null;
  }
  banners();
  setTimeout(() => source === state.source && connect(false), 1500);
}

function tenantAndToken() {
  return new URLSearchParams(["tenant", "token"].filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
}

function connect(fresh) {
  if (state.source) state.source.close();
  const asked = new URLSearchParams({ window: `now,${state.window}`, kinds: "tenant,channel,agent", alerts: "notable" });
  for (const [name, value] of tenantAndToken()) asked.set(name, value);
  if (!fresh && state.lastId) asked.set("last_event_id", state.lastId);
  const source = new EventSource(`/api/v1/stream?${asked}`);
  state.source = source;
  source.addEventListener("snapshot", (event) => {
    const body = heard(event);
    state.records.clear();
    state.trend = {};
    put($("tenant"), body.tenant);
    document.title = `Sigap · ${body.tenant}`;
    // Agents that are there no longer leave with the old snapshot.
    const there = new Set(body.records.map((record) => record.scope));
    agents.keep(there);
    for (const [channel, made] of cards) if (!there.has(`channel:${channel}`)) { made.node.remove(); cards.delete(channel); }
    alerts.clear();
    take(body);
    agents.order();
    document.body.classList.add("ready");
  });
  source.addEventListener("delta", (event) => take(heard(event)));
  source.addEventListener("status", (event) => {
    state.status = heard(event);
    if (state.status.now_at) state.base = { at: state.status.now_at, mark: performance.now() };
    banners();
  });
  source.onerror = () => {
    if (state.lostAt === null) state.lostAt = Date.now();
    banners();
    // A refusal ends an EventSource for good; anything else it mends itself.
    if (source.readyState === EventSource.CLOSED) refused(source, `/api/v1/kpi?scope=tenant&${tenantAndToken()}`);
  };
}

for (const [window, label] of Object.entries(WINDOWS)) {
  const choice = make("label");
  const input = make("input");
  input.type = "radio";
  input.name = "window";
  input.value = window;
  input.checked = window === state.window;
  input.addEventListener("change", () => {
    state.window = window;
    query.set("window", window);
    history.replaceState(null, "", `?${query}`);
    connect(true);
  });
  choice.append(input, make("span", "", label));
  $("windows").append(choice);
}

setInterval(() => {
  put($("clock"), time(nowAt()));
  banners();
  // What nobody keeps up to date any more must not look alive.
  if (document.body.classList.contains("still")) return;
  for (const box of document.querySelectorAll('[data-metric="oldest_waiting_at"]')) fillFigure(box, box.closest("[data-scope]").dataset.scope);
  waiters.tick();
  alerts.tick();
}, 1000);
setInterval(() => { for (const made of cards.values()) made.draw(); agents.calmly(); }, 20000);
connect(true);
