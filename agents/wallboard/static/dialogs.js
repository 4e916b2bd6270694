// The lists of views and the page's keys.
import { $, link, make } from "/static/dom.js";
import { house, kindOf, nameOf } from "/static/house.js";
import { alphabetical, t } from "/static/text.js";

const KEPT = "sigap.keys";

function listViews() {
  const sought = $("views-find").value.trim().toLowerCase();
  const groups = ["channel", "team", "agent"].map((kind) => {
    const found = [...house.views]
      .filter((scope) => kindOf(scope) === kind)
      .map((scope) => [scope, nameOf(scope)])
      .filter(([, name]) => name.toLowerCase().includes(sought))
      .sort(([, a], [, b]) => alphabetical(a, b));
    if (!found.length) return [];
    return [make("h3", "", t(`${kind}s`)), make("ul", "", ...found.map(([scope, name]) => make("li", "", link(scope, name))))];
  });
  const nodes = groups.flat();
  $("views-lists").replaceChildren(...(nodes.length ? nodes : [make("p", "muted", t("views.none"))]));
}

function openViews() {
  $("views-find").value = "";
  listViews();
  $("views").showModal();
}

// Keys that act without a modifier can be turned off, for those who speak to their computer.
function keysOn() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
}

function keepKeys(on) {
  try {
    localStorage.setItem(KEPT, on ? "on" : "off");
  } catch {
    // Kept for as long as the page is open.
  }
}

export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

export function startDialogs(keys) {
  $("views-open").addEventListener("click", openViews);
  $("help-open").addEventListener("click", () => $("help").showModal());
  for (const dialog of document.querySelectorAll("dialog")) {
    // A click beside it lands on the dialog itself.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  }
  $("views-find").addEventListener("input", listViews);
  $("views-find").addEventListener("keydown", (event) => {
    if (event.key === "Enter") $("views-lists").querySelector("a")?.click();
  });
  $("keys-on").checked = keysOn();
  $("keys-on").addEventListener("change", () => keepKeys($("keys-on").checked));
  const all = { ...keys, v: openViews, "?": () => $("help").showModal() };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || !$("keys-on").checked) return;
    if (document.querySelector("dialog[open]") || event.target.matches("input[type=search]")) return;
    const key = event.key.toLowerCase();
    if (!Object.hasOwn(all, key)) return;
    event.preventDefault();
    all[key]();
  });
}
