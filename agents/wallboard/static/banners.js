// What is wrong, said at once; and what a screen reader is told.
import { $, make, mark, put } from "/static/dom.js";
import { house, time } from "/static/house.js";
import { aboutOf, saidOf } from "/static/lists.js";
import { duration, number, t } from "/static/text.js";

const SILENT_MS = 5000; // the server says something every second
const STALE_S = 10; // a worker's heartbeat comes every second
const PAUSE_MS = 5000; // between two announcements
const ORDER = { bad: 0, warn: 1, info: 2 };

// `link`: status, lostAt, refused and heardAt of the connection.
export function banners(link) {
  const wanted = [];
  const silent = link.heardAt !== null && performance.now() - link.heardAt > SILENT_MS;
  const lost = link.lostAt !== null || silent;
  const status = link.status;
  const age = status ? status.heartbeat_age_s : null;
  if (link.refused) wanted.push(["refused", "warn", link.refused]);
  else if (lost) wanted.push(["lost", "bad", link.lostAt === null ? t("banner.silent") : t("banner.lost", { at: time(link.lostAt) })]);
  else if (status && !status.redis) wanted.push(["redis", "bad", t("banner.redis")]);
  else if (status && age === null) wanted.push(["stale", "warn", t("banner.none")]);
  else if (status && age > STALE_S) wanted.push(["stale", "bad", t("banner.stale", { age: duration(age) })]);
  let lag = null;
  for (const record of house.records.values()) if (record.partial) lag = Math.max(lag || 0, record.lag_s || 0);
  if (lag !== null) wanted.push(["partial", "warn", t("banner.partial", { lag: duration(lag) })]);
  if (status && status.redis && !status.durable) wanted.push(["durable", "info", t("banner.durable")]);
  show(wanted);
  const still = wanted.some(([kind]) => ["lost", "redis", "stale"].includes(kind));
  document.body.classList.toggle("still", still);
  const [word, state] = link.refused ? ["refused", "wait"] : lost ? ["lost", "bad"] : !status ? ["wait", "wait"] : still ? ["stale", "bad"] : ["live", "good"];
  put($("link"), t(`link.${word}`));
  mark($("link"), "state", state);
  changed(word, lag !== null);
}

function show(wanted) {
  const box = $("banners");
  const held = new Map([...box.children].map((node) => [node.dataset.kind, node]));
  for (const [kind, look, text] of wanted) {
    const node = held.get(kind) || box.appendChild(make("p"));
    held.delete(kind);
    node.dataset.kind = kind;
    node.className = `banner ${look}`;
    put(node, `${{ bad: "✕", warn: "▲", info: "◆" }[look]} ${text}`);
    node.style.order = ORDER[look];
  }
  for (const node of held.values()) node.remove();
}

// --- announcements: at most one every few seconds -----------------------------------------------------------

let words = [];
let breaches = [];
let timer = null;

function speak() {
  timer = null;
  const texts = words;
  if (breaches.length === 1) {
    const [alert] = breaches;
    texts.push([saidOf(alert), ...aboutOf(alert).map(([, name]) => name).reverse()].join(", "));
  } else if (breaches.length) texts.push(t("alert.many", { count: number(breaches.length) }));
  if (!texts.length) return;
  put($("said"), texts.join(". "));
  words = [];
  breaches = [];
  timer = setTimeout(speak, PAUSE_MS);
}

function soon() {
  if (timer === null) timer = setTimeout(speak, 0);
}

export function announce(alerts) {
  breaches.push(...alerts);
  soon();
}

let known = { word: "wait", partial: false };

function changed(word, partial) {
  if (word !== known.word && !(known.word === "wait" && word === "live")) words.push(t(`link.${word}`));
  if (partial !== known.partial) words.push(t(partial ? "partial.begins" : "partial.ends"));
  known = { word, partial };
  if (words.length) soon();
}
