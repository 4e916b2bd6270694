// What is shown stands in the address: view, window, lang, theme, tenant.
import { WINDOWS } from "/static/text.js";

const VIEW = /^(tenant|(channel|team|agent):[^/]+)$/;
const USUAL = { view: "tenant", window: "15m" };

const query = () => new URLSearchParams(location.search);

export function read() {
  const given = query();
  const choose = (name, allowed) => (allowed(given.get(name) || "") ? given.get(name) : USUAL[name]);
  return { view: choose("view", (text) => VIEW.test(text)), window: choose("window", (text) => WINDOWS.includes(text)) };
}

// The parameters that every request to the API needs.
export function asked() {
  const given = query();
  return new URLSearchParams(["tenant", "token"].filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
}

export function href(changes) {
  const next = query();
  for (const [name, value] of Object.entries(changes)) {
    if (value === USUAL[name]) next.delete(name);
    else next.set(name, value);
  }
  return next.size ? `/?${next}` : "/";
}

// Links to views, and that to the other language, keep the rest of the address.
export function refresh(root = document) {
  for (const link of root.querySelectorAll("a[data-view]")) link.href = href({ view: link.dataset.view });
  for (const link of root.querySelectorAll("a[hreflang]")) link.href = href({ lang: link.hreflang });
}

export function change(changes, { push = false } = {}) {
  history[push ? "pushState" : "replaceState"](null, "", href(changes));
  refresh();
}
