// The table of agents: the busiest first, in an order that does not jump about.
import { NONE, SIGNS, duration, make, mark, number, percent, put, standing } from "/static/view.js";

const COLUMNS = [
  ["name", "Agent"],
  ["backlog_open", "Open", number, "now", "Conversations not resolved"],
  ["concurrency", "Conc.", number, "now", "Concurrency: open and assigned at once"],
  ["backlog_waiting", "Waiting", number, "now", "Customers who wait for an answer"],
  ["conversations_active", "Active", number, null, "Conversations with a message in the window"],
  ["conversations_handled", "Handled", number, null, "Conversations the agent replied in"],
  ["frt_mean_s", "FRT", duration, null, "First response time, mean"],
  ["service_level_ratio", "Service level", percent],
];

export class Agents {
  constructor(table, count, source) {
    Object.assign(this, { table, count, source });
    this.rows = new Map();
    this.by = "backlog_open";
    this.way = -1;
    for (const column of COLUMNS) this.head(column);
  }

  head([key, label, , , meaning]) {
    const th = make("th");
    th.scope = "col";
    th.setAttribute("aria-sort", key === this.by ? "descending" : "none");
    const button = make("button", "", label);
    button.type = "button";
    if (meaning) button.title = meaning;
    button.addEventListener("click", () => {
      this.way = this.by === key ? -this.way : key === "name" ? 1 : -1;
      this.by = key;
      for (const each of this.table.tHead.rows[0].cells) each.setAttribute("aria-sort", "none");
      th.setAttribute("aria-sort", this.way === 1 ? "ascending" : "descending");
      this.order();
    });
    th.append(button);
    this.table.tHead.rows[0].append(th);
  }

  // Moves only the rows that have to.
  order() {
    const value = (row) => (this.by === "name" ? row.name.toLowerCase() : row.values[this.by]);
    const sorted = [...this.rows.values()].sort((a, b) => {
      const x = value(a);
      const y = value(b);
      if (x === y) return a.name < b.name ? -1 : 1;
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
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

  keep(scopes) {
    for (const [scope, row] of this.rows) {
      if (scopes.has(scope)) continue;
      row.node.remove();
      this.rows.delete(scope);
    }
    put(this.count, String(this.rows.size));
  }

  show(scopes) {
    let added = false;
    for (const scope of scopes) {
      if (!this.rows.has(scope)) {
        this.rows.set(scope, this.row(scope));
        added = true;
      }
      this.fill(scope, this.rows.get(scope));
    }
    if (!added) return;
    this.order();
    put(this.count, String(this.rows.size));
  }

  row(scope) {
    const node = make("tr");
    node.dataset.scope = scope;
    const name = this.source.name(decodeURIComponent(scope.slice("agent:".length)));
    const cells = COLUMNS.map(([key], index) => {
      const cell = make(index ? "td" : "th", "", index ? NONE : name);
      if (!index) cell.scope = "row";
      cell.dataset.metric = key;
      return cell;
    });
    node.append(...cells);
    return { node, cells, name, values: {} };
  }

  fill(scope, row) {
    COLUMNS.forEach(([key, , format, gauge], index) => {
      if (!index) return;
      const value = this.source.value(scope, key, gauge);
      row.values[key] = value;
      put(row.cells[index], format(value), value === undefined ? null : value);
    });
    const how = standing("service_level_ratio", row.values.service_level_ratio, this.source.goal(scope));
    const last = row.cells[COLUMNS.length - 1];
    mark(last, "state", how);
    mark(last, "sign", SIGNS[how]);
  }
}
