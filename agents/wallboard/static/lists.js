// The longest waits and the alerts.
import { make, mark, put, ticking } from "/static/view.js";

const METRICS = { first_response: "First response", next_response: "Next response", resolution: "Resolution", reply_window: "Reply window" };
const STATES = {
  imminent: ["◔", "Due soon", "warn"], breached: ["✕", "Breached", "bad"], met: ["✓", "Met", "good"],
  met_late: ["◑", "Met late", "warn"], cancelled: ["–", "Cancelled", "quiet"], retracted: ["↺", "Retracted", "quiet"],
};
const SHOWN = 40;

export class Waiters {
  constructor(list, none, context) {
    Object.assign(this, { list, none, context });
    this.rows = [];
  }

  show(waiting) {
    while (this.rows.length < waiting.length) this.rows.push(this.row());
    this.rows.forEach((row, index) => {
      const each = waiting[index];
      row.node.hidden = !each;
      row.each = each;
      if (!each) return;
      put(row.title, each.conversation_id);
      put(row.note, this.context.channelName(each.channel));
    });
    this.none.hidden = waiting.length > 0;
    this.tick();
  }

  row() {
    const node = make("li");
    const text = make("div", "text");
    const title = make("span", "title");
    const note = make("span", "note");
    text.append(title, note);
    const right = make("div", "right");
    const wait = make("span", "wait");
    const due = make("span", "note");
    right.append(wait, due);
    node.append(text, right);
    this.list.append(node);
    return { node, title, note, wait, due };
  }

  tick() {
    const now = this.context.nowAt();
    for (const row of this.rows) {
      if (!row.each) continue;
      put(row.wait, ticking(now - row.each.waiting_since), row.each.waiting_since);
      const left = row.each.deadline_at === null ? null : row.each.deadline_at - now;
      put(row.due, left === null ? "" : left < 0 ? `✕ late by ${ticking(-left)}` : `due in ${ticking(left)}`);
      mark(row.node, "state", left === null ? null : left < 0 ? "bad" : left < 60000 ? "warn" : null);
    }
  }
}

// One row a run (conversation, metric, instance): its state changes in place, a breach comes to the top.
export class Alerts {
  constructor(list, none, context) {
    Object.assign(this, { list, none, context });
    this.rows = new Map();
  }

  clear() {
    this.rows.clear();
    this.list.replaceChildren();
    this.none.hidden = false;
  }

  add(alerts) {
    for (const alert of alerts) {
      if (!(alert.state in STATES)) continue;
      const run = `${alert.conversation_id}|${alert.metric}|${alert.instance}`;
      let row = this.rows.get(run);
      if (!row && (alert.state === "met" || alert.state === "cancelled")) continue;
      const first = !row;
      if (first) {
        row = this.row();
        this.rows.set(run, row);
      }
      if (first || alert.state === "breached") {
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
    this.none.hidden = this.rows.size > 0;
    this.tick();
  }

  row() {
    const node = make("li");
    const icon = make("span", "icon");
    icon.setAttribute("aria-hidden", "true");
    const text = make("div", "text");
    const title = make("span", "title");
    const note = make("span", "note");
    text.append(title, note);
    const right = make("div", "right");
    const wait = make("span", "wait");
    const at = make("time", "note");
    right.append(wait, at);
    node.append(icon, text, right);
    return { node, icon, title, note, wait, at };
  }

  fill(row, alert) {
    const [icon, word, look] = STATES[alert.state];
    row.alert = alert;
    row.node.dataset.state = look;
    row.node.dataset.alert = alert.state;
    put(row.icon, icon);
    put(row.title, `${word}${alert.state === "imminent" && alert.level > 1 ? ` (${alert.level})` : ""} · ${METRICS[alert.metric] || alert.metric}`);
    const who = alert.agent_id ? this.context.agentName(alert.agent_id) : "nobody assigned";
    put(row.note, `${alert.conversation_id} · ${this.context.channelName(alert.channel)} · ${who}`);
    put(row.at, this.context.time(alert.at));
  }

  tick() {
    const now = this.context.nowAt();
    for (const { alert, wait } of this.rows.values()) {
      const past = now - alert.deadline_at;
      if (alert.state === "breached") put(wait, `late ${ticking(past)}`);
      else if (alert.state === "imminent") put(wait, past < 0 ? `in ${ticking(-past)}` : "due");
      else put(wait, alert.state === "met_late" ? `late ${ticking(alert.late_s * 1000)}` : "");
    }
  }
}
