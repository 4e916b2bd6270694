// The server's events: a snapshot, what changes after it, and every second how the worker is.
import { asked } from "/static/address.js";
import { house } from "/static/house.js";

const AGAIN_MS = 1500;

export const link = { status: null, lostAt: null, refused: null, heardAt: null };

let source = null;
let lastId = "";

function heard(event) {
  link.heardAt = performance.now();
  link.lostAt = null;
  link.refused = null;
  if (event.lastEventId) lastId = event.lastEventId;
  return JSON.parse(event.data);
}

// Asks why, says it, and tries again.
async function refused(whose, hear) {
  try {
    const answer = await fetch(`/api/v1/kpi?scope=tenant&${asked()}`);
    const body = answer.ok ? null : await answer.json();
    link.refused = body && answer.status < 500 ? `${body.error.what} (${body.error.where})` : null;
  } catch {
    link.refused = null;
  }
  hear.changed();
  setTimeout(() => whose === source && connect(hear, false), AGAIN_MS);
}

// `hear` has a function for each kind of event, and `changed` for the connection itself.
export function connect(hear, fresh = true) {
  if (source) source.close();
  const filters = asked();
  filters.set("window", `now,${house.window}`);
  filters.set("view", house.view);
  filters.set("kinds", house.view === "tenant" ? "tenant,channel,team,agent" : "channel,team,agent,agent/channel");
  filters.set("alerts", "notable");
  if (!fresh && lastId) filters.set("last_event_id", lastId);
  const own = new EventSource(`/api/v1/stream?${filters}`);
  source = own;
  for (const kind of ["snapshot", "delta"]) own.addEventListener(kind, (event) => hear[kind](heard(event)));
  own.addEventListener("status", (event) => {
    link.status = heard(event);
    if (link.status.now_at) house.base = { at: link.status.now_at, mark: performance.now() };
    hear.changed();
  });
  own.onerror = () => {
    if (link.lostAt === null) link.lostAt = Date.now();
    hear.changed();
    // A refusal ends an EventSource for good; anything else it mends itself.
    if (own.readyState === EventSource.CLOSED) refused(own, hear);
  };
}
