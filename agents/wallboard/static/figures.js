// The figures of one scope: its service level, and everything else as tiles.
import { openFigures } from "/static/details.js";
import { $, link, make, mark, put, putFigure, putStanding } from "/static/dom.js";
import { SIGNS, fraction, goalOf, holds, house, isKept, kindOf, nameOf, nowAt, partOf, patience, standing, value } from "/static/house.js";
import { NONE, called, format, percent, short, t, ticking } from "/static/text.js";
import { spark } from "/static/trend.js";

const OLDEST = "oldest_waiting_at"; // stands to the channel's threshold, not to a goal
const PARTS = ["p50", "p90", "p95"];
const AGES = ["lt1h", "lt4h", "lt24h", "lt48h", "ge48h"].map((age) => `backlog_age_${age}`);
const TRAFFIC = ["conversations_active", "conversations_handled", "messages_in", "messages_out", "conversations_opened", "conversations_resolved"];
const OUTCOME = ["resolution_mean_s", "handle_mean_s", "fcr_ratio", "csat_ratio", "nps", "bot_containment_ratio", "occupancy_ratio", "agents_online"];
const CARD = ["frt_mean_s", "frt_p90_s", "conversations_active", "backlog_waiting", OLDEST, "backlog_open"];

// `look`: `lead` is large, `row` has its label beside it.
function figure(scope, metric, look = "", label = short(metric)) {
  const node = make("div", `figure ${look}`);
  const dd = make("dd", "", NONE);
  const word = make("span", "hidden");
  const goal = make("span");
  const made = make("span");
  const below = make("dd", metric === OLDEST ? "hidden" : "goal", made, goal, " ", word);
  node.dataset.metric = metric;
  node.append(make("dt", "", label), dd, below);
  const fill = () => {
    const found = value(scope, metric);
    if (metric === OLDEST) {
      const waited = found ? nowAt() - found : null;
      putFigure(dd, waited === null ? NONE : ticking(waited), found);
      return putStanding(node, waited === null ? null : patience(scope, waited / 1000), dd, word);
    }
    const aim = goalOf(scope, metric);
    putFigure(dd, format(metric, found), found);
    const parts = fraction(scope, metric);
    below.hidden = aim === undefined && !parts;
    node.classList.toggle("aimed", aim !== undefined);
    put(made, parts && aim !== undefined ? `${parts} · ` : parts);
    put(goal, aim === undefined ? "" : t("goal", { goal: format(metric, aim) }));
    putStanding(node, standing(metric, found, aim), dd, word);
  };
  return { node, fill };
}

function level(scope) {
  const big = make("strong", "big", NONE);
  const share = make("i");
  const aim = make("b");
  const note = make("p", "note");
  const node = make("div", "level", big, make("div", "meter", share, aim), note);
  node.dataset.metric = "service_level_ratio";
  const fill = () => {
    const ratio = value(scope, "service_level_ratio");
    const goal = goalOf(scope, "service_level_ratio");
    const how = standing("service_level_ratio", ratio, goal);
    putFigure(big, percent(ratio), ratio);
    mark(node, "state", how);
    share.style.width = `${100 * (ratio || 0)}%`;
    aim.style.left = `${100 * (goal ?? 1)}%`;
    put(note, isKept(scope) ? t("level.note", { goal: percent(goal), parts: fraction(scope, "service_level_ratio") || NONE }) : t("window.none"));
    return how;
  };
  return { node, fill };
}

// A word on how the service level stands, and what fills both.
function chipped(scope, box) {
  const chip = make("p", "chip");
  const fill = () => {
    const how = box.fill();
    put(chip, how ? `${SIGNS[how]} ${t(`goal.${how}`)}` : isKept(scope) ? t("goal.none") : "");
    mark(chip, "state", how);
  };
  return { chip, fill };
}

function tile(cls, title, ...figures) {
  const nodes = figures.map((each) => each.node);
  const large = (node) => node.classList.contains("lead");
  const lists = [["leads", nodes.filter(large)], ["figures", nodes.filter((node) => !large(node))]];
  const node = make("section", `tile ${cls}`, make("h2", "", ...title));
  node.append(...lists.filter(([, held]) => held.length).map(([name, held]) => make("dl", name, ...held)));
  return { node, figures };
}

function ages(scope) {
  const bar = make("div", "ages");
  bar.setAttribute("aria-hidden", "true");
  const parts = AGES.map(() => bar.appendChild(make("i")));
  const figures = AGES.map((metric) => figure(scope, metric));
  const fill = () => {
    for (const each of figures) each.fill();
    AGES.forEach((metric, index) => (parts[index].style.flexGrow = value(scope, metric) || 0));
  };
  return { nodes: [bar, make("dl", "figures", ...figures.map((each) => each.node))], fill };
}

// All the figures of the scope that the page is about.
export function summary(scope) {
  const of = (metric, look, label) => figure(scope, metric, look, label);
  const times = (kind) => tile(
    "times",
    [t(`kind.${kind}`), make("span", "muted", t("part.mean"))],
    of(`${kind}_mean_s`, "lead alone", t("part.mean")),
    ...PARTS.map((part) => of(`${kind}_${part}_s`, "row", t(`part.${part}`))),
  );
  const box = level(scope);
  const first = chipped(scope, box);
  const oldest = of(OLDEST, "lead");
  const waiting = tile("", [short("backlog_waiting")], of("backlog_waiting", "lead", t("waiting.now")), oldest, of(kindOf(scope) === "agent" ? "concurrency" : "backlog_unassigned"), of("backlog_pending"));
  const backlog = tile("", [t("backlog")], of("backlog_open", "lead"), of("backlog_overdue", "lead"));
  const aged = ages(scope);
  backlog.node.append(...aged.nodes);
  const traffic = tile("traffic", [t("traffic")], ...TRAFFIC.map((metric) => of(metric)));
  const line = scope === "tenant" ? spark(scope) : null;
  if (line) traffic.node.append(line.node);
  const outcome = tile("outcome", [t("outcome")], ...OUTCOME.filter((metric) => holds(kindOf(scope), metric)).map((metric) => of(metric)));
  const all = make("button", "", t("figures"));
  all.type = "button";
  all.id = "figures-open";
  all.addEventListener("click", openFigures);
  outcome.node.append(all);
  const tiles = [waiting, backlog, times("frt"), times("nrt"), traffic, outcome];
  const shown = new Set(["service_level_ratio", ...AGES, ...tiles.flatMap((each) => each.figures.map(({ node }) => node.dataset.metric))]);
  const goals = make("dl");
  $("summary").replaceChildren(make("section", "tile main", make("h2", "", called("service_level_ratio")), box.node, first.chip, goals), ...tiles.map((each) => each.node));

  // A figure with a goal is shown, whichever it is.
  let others = [];
  const findOthers = () => {
    const wanted = Object.keys(house.settings.goals[scope] || {}).filter((metric) => !shown.has(metric));
    if (wanted.length === others.length) return;
    others = wanted.map((metric) => of(metric, "row"));
    goals.replaceChildren(...others.map((each) => each.node));
  };
  const fill = () => {
    findOthers();
    first.fill();
    for (const each of [...others, ...tiles.flatMap(({ figures }) => figures)]) each.fill();
    aged.fill();
  };
  return { fill, tick: oldest.fill, draw: () => line && line.draw() };
}

// A channel in short: on the house's page, and of one agent.
export function card(scope) {
  const view = partOf(scope);
  const box = level(scope);
  const first = chipped(scope, box);
  const line = view === scope ? spark(scope) : null;
  const figures = CARD.map((metric) => figure(scope, metric, "", short(metric)));
  const name = link(view, nameOf(view));
  const list = make("dl", "figures", ...figures.map((each) => each.node));
  const node = make("article", "panel card", make("h2", "", name, first.chip), make("div", line ? "inside" : "inside plain", box.node, ...(line ? [line.node] : []), list));
  node.dataset.scope = scope;
  const fill = () => {
    first.fill();
    put(name.firstChild, nameOf(view));
    for (const each of figures) each.fill();
  };
  return { node, fill, tick: figures[CARD.indexOf(OLDEST)].fill, draw: () => line && line.draw() };
}
