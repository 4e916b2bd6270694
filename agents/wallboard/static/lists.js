// The longest waits and the alerts.
import { $, link, make, mark, put } from "/static/dom.js";
import { SIGNS, agentName, channelName, encoded, house, isView, nameOf, nowAt, patience, time } from "/static/house.js";
import { called, format, has, t, ticking } from "/static/text.js";

const LOOKS = {
  imminent: ["◔", "warn"], breached: ["✕", "bad"], met: ["✓", "good"], met_late: ["◑", "warn"], cancelled: ["–", "quiet"], retracted: ["↺", "quiet"],
  firing: ["✕", "bad"], resolved: ["✓", "good"],
};
const GOOD = ["met", "cancelled", "resolved"];
const SHOWN = 40;
const MOVED_MS = 5000;

function line() {
  const title = make("bdi", "title");
  const note = make("span", "note");
  const wait = make("span", "wait");
  const aside = make("span", "note");
  const node = make("li", "", make("div", "text", title, note), make("div", "right", wait, aside));
  return { node, title, note, wait, aside };
}

// Links to the channel and the agent of a row, rebuilt only where they changed.
function putLinks(node, parts) {
  const key = JSON.stringify(parts);
  if (node.dataset.parts === key) return;
  node.dataset.parts = key;
  node.replaceChildren(...parts.flatMap(([view, name], index) => [...(index ? [" · "] : []), view ? link(view, name) : make("bdi", "", name)]));
}

const toChannel = (id) => [`channel:${id}`, channelName(id)];

export class Waiters {
  constructor() {
    Object.assign(this, { list: $("waiters"), none: $("waiters-none"), rows: [] });
  }

  // Nothing is known yet: not even that nobody waits.
  clear() {
    this.show([]);
    this.none.hidden = true;
  }

  show(waiting) {
    while (this.rows.length < waiting.length) {
      const row = line();
      this.list.append(row.node);
      this.rows.push(row);
    }
    this.rows.forEach((row, index) => {
      const each = waiting[index];
      row.node.hidden = !each;
      row.each = each;
      if (!each) return;
      put(row.title, each.conversation_id);
      putLinks(row.note, each.channel ? [toChannel(each.channel)] : []);
    });
    this.none.hidden = waiting.length > 0;
    this.tick();
  }

  tick() {
    const now = nowAt();
    for (const { node, each, wait, aside } of this.rows) {
      if (!each) continue;
      put(wait, ticking(now - each.waiting_since));
      const due = each.deadline_at ?? house.breaches.get(each.conversation_id) ?? null;
      if (due === null) {
        // No target, or one that was breached long ago: the channel's threshold tells.
        const how = each.channel ? patience(`channel:${each.channel}`, (now - each.waiting_since) / 1000) : null;
        put(aside, how ? `${SIGNS[how]} ${t(`goal.${how}`)}` : "");
        mark(node, "state", how);
        continue;
      }
      const left = due - now;
      put(aside, left < 0 ? `✕ ${t("late", { time: ticking(-left) })}` : t("due", { time: ticking(left) }));
      mark(node, "state", left < 0 ? "bad" : left < 60000 ? "warn" : null);
    }
  }
}

const ofRule = (alert) => alert.kind === "threshold";
const isLoud = (alert) => alert.state === "breached" || alert.state === "firing";

export function saidOf(alert) {
  const what = ofRule(alert) ? alert.rule : has(`sla.${alert.metric}`) ? t(`sla.${alert.metric}`) : alert.metric;
  return `${t(`alert.${alert.state}`)} · ${what}`;
}

// What an alert is about, as [view or null, name].
export function aboutOf(alert) {
  if (ofRule(alert)) {
    const window = alert.window === "now" ? [] : [[null, t(`window.${alert.window}`)]];
    return [...alert.scope.split("/").map((part) => [isView(part) ? part : null, nameOf(part)]), [null, called(alert.metric)], ...window];
  }
  const who = alert.agent_id ? [`agent:${encoded(alert.agent_id)}`, agentName(alert.agent_id)] : [null, t("alert.nobody")];
  return [who, toChannel(alert.channel), [null, alert.conversation_id]];
}

// The value that made a rule fire, or ended it, beside the rule's.
function measured({ metric, value, state, comparison, threshold }) {
  const limit = state === "firing" ? ` ${comparison === "above" ? ">" : "<"} ${format(metric, threshold)}` : "";
  return format(metric, value) + limit;
}

// One row a run (conversation, metric, instance; or rule, scope, start): its state changes in place, a breach comes to
// the top.
export class Alerts {
  constructor() {
    Object.assign(this, { list: $("alerts"), none: $("alerts-none"), rows: new Map() });
  }

  clear() {
    this.rows.clear();
    house.breaches.clear();
    this.list.replaceChildren();
    this.none.hidden = true;
  }

  // The newest on top: what a snapshot brings is in no order.
  settle() {
    const sorted = [...this.rows].sort(([, a], [, b]) => a.alert.at - b.alert.at);
    this.rows = new Map(sorted);
    this.list.replaceChildren(...sorted.reverse().map(([, row]) => row.node));
  }

  // Returns the breaches among them that are news.
  add(alerts) {
    const news = [];
    for (const alert of alerts) {
      if (!Object.hasOwn(LOOKS, alert.state)) continue;
      const run = JSON.stringify(ofRule(alert) ? [alert.rule, alert.scope, alert.started_at] : [alert.conversation_id, alert.metric, alert.instance]);
      let row = this.rows.get(run);
      if (!row && GOOD.includes(alert.state)) continue;
      const first = !row;
      if (first) {
        row = this.row();
        this.rows.set(run, row);
      }
      if (isLoud(alert) && (first || !isLoud(row.alert))) news.push(alert);
      if (first || isLoud(alert)) {
        this.list.prepend(row.node);
        this.rows.delete(run);
        this.rows.set(run, row);
      }
      this.fill(row, alert);
    }
    for (const [run, row] of this.rows) {
      if (this.rows.size <= SHOWN) break;
      row.node.remove();
      this.rows.delete(run);
    }
    house.breaches.clear();
    for (const { alert } of this.rows.values()) if (alert.state === "breached") house.breaches.set(alert.conversation_id, alert.deadline_at);
    this.none.hidden = this.rows.size > 0;
    this.tick();
    return news;
  }

  row() {
    const row = line();
    const icon = make("span", "icon");
    icon.setAttribute("aria-hidden", "true");
    row.node.prepend(icon);
    return { ...row, icon };
  }

  fill(row, alert) {
    const [icon, look] = LOOKS[alert.state];
    row.alert = alert;
    mark(row.node, "state", look);
    mark(row.node, "alert", alert.state);
    put(row.icon, icon);
    put(row.title, saidOf(alert));
    putLinks(row.note, aboutOf(alert));
    put(row.aside, time(alert.at));
  }

  tick() {
    const now = nowAt();
    for (const { alert, wait } of this.rows.values()) {
      const past = now - alert.deadline_at;
      if (ofRule(alert)) put(wait, measured(alert));
      else if (alert.state === "breached") put(wait, t("late", { time: ticking(past) }));
      // Long past it without a breach, the deadline has been moved.
      else if (alert.state === "imminent") put(wait, past < 0 ? t("due", { time: ticking(-past) }) : past < MOVED_MS ? t("due.now") : "");
      else put(wait, alert.state === "met_late" ? t("late", { time: ticking(alert.late_s * 1000) }) : "");
    }
  }
}
