// Tables of agents and teams: the busiest first, in an order that does not jump about.
import { $, link, make, mark, put, putStanding } from "/static/dom.js";
import { goalOf, holds, nameOf, standing, value } from "/static/house.js";
import { NONE, alphabetical, format, short } from "/static/text.js";

export const AGENTS = ["backlog_open", "concurrency", "backlog_waiting", "conversations_active", "conversations_handled", "frt_mean_s", "handle_mean_s", "service_level_ratio", "fcr_ratio", "csat_ratio", "occupancy_ratio"];
export const TEAMS = ["backlog_open", "backlog_waiting", "service_level_ratio"];

// Left out on a phone, and in a narrow or not so wide table.
const MINOR = new Set(["concurrency", "conversations_active", "conversations_handled", "frt_mean_s"]);
const MORE = new Set(["fcr_ratio", "csat_ratio", "occupancy_ratio"]);
const MOST = new Set(["handle_mean_s"]);
const look = (key) => [[MINOR, "minor"], [MORE, "more"], [MOST, "more most"]].find(([keys]) => keys.has(key))?.[1] ?? "";
const whole = (key) => (holds("agent/channel", key) ? "" : " whole");

export class Table {
  constructor(id, metrics, title) {
    Object.assign(this, { table: $(id), count: $(`${id}-count`), metrics, rows: new Map(), by: metrics[0], way: -1 });
    this.head("name", title);
    for (const metric of metrics) this.head(metric, short(metric));
  }

  head(key, label) {
    const th = make("th", key === "name" ? "" : look(key) + whole(key));
    th.scope = "col";
    if (key === this.by) th.setAttribute("aria-sort", "descending");
    const button = make("button", "", label);
    button.type = "button";
    button.addEventListener("click", () => {
      this.way = this.by === key ? -this.way : key === "name" ? 1 : -1;
      this.by = key;
      for (const each of this.table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", this.way === 1 ? "ascending" : "descending");
      this.order();
    });
    th.append(button);
    this.table.tHead.rows[0].append(th);
  }

  // Moves only the rows that have to.
  order() {
    const sorted = [...this.rows.values()].sort((a, b) => {
      const byName = alphabetical(a.name, b.name);
      if (this.by === "name") return byName * this.way;
      const x = a.values[this.by] ?? null;
      const y = b.values[this.by] ?? null;
      if (x === y) return byName;
      if (x === null) return 1;
      if (y === null) return -1;
      return x < y ? -this.way : this.way;
    });
    const body = this.table.tBodies[0];
    sorted.forEach((row, index) => {
      if (body.rows[index] !== row.node) body.insertBefore(row.node, body.rows[index] || null);
    });
  }

  // Not under somebody's hands.
  calmly() {
    if (!this.table.matches(":hover") && !this.table.contains(document.activeElement)) this.order();
  }

  // Rows that are there no longer leave.
  keep(scopes) {
    for (const [scope, row] of this.rows) {
      if (scopes.has(scope)) continue;
      row.node.remove();
      this.rows.delete(scope);
    }
    put(this.count, String(this.rows.size));
  }

  show(scopes) {
    const before = this.rows.size;
    for (const scope of scopes) {
      if (!this.rows.has(scope)) this.rows.set(scope, this.row(scope));
      this.fill(scope, this.rows.get(scope));
    }
    if (this.rows.size === before) return;
    this.order();
    put(this.count, String(this.rows.size));
  }

  row(scope) {
    const name = nameOf(scope);
    const th = make("th", "", link(scope.split("/")[0], name));
    th.scope = "row";
    const cells = this.metrics.map((metric) => {
      const cell = make("td", look(metric) + whole(metric), make("span", "", NONE), make("span", "hidden"));
      cell.dataset.metric = metric;
      return cell;
    });
    const node = make("tr", "", th, ...cells);
    node.dataset.scope = scope;
    return { node, cells, name, values: {} };
  }

  fill(scope, row) {
    this.metrics.forEach((metric, index) => {
      const found = value(scope, metric);
      const cell = row.cells[index];
      row.values[metric] = found;
      mark(cell, "value", found === null || found === undefined ? "" : String(found));
      put(cell.firstChild, format(metric, found));
      putStanding(cell, standing(metric, found, goalOf(scope, metric)), cell, cell.lastChild);
    });
  }
}
