// The small pieces that the page is made of. Text is only ever set as text.
import { href } from "/static/address.js";
import { SIGNS } from "/static/house.js";
import { t } from "/static/text.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, cls = "", ...inside) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  node.append(...inside);
  return node;
}

export function link(view, name) {
  const node = make("a", "", make("bdi", "", name));
  node.dataset.view = view;
  node.href = href({ view });
  return node;
}

// Touches the page only where something changed.
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function mark(node, name, value) {
  if (value === undefined || value === null) {
    if (name in node.dataset) delete node.dataset[name];
  } else if (node.dataset[name] !== value) node.dataset[name] = value;
}

// A figure: its digits large, its units small; the exact value beside it in the markup.
export function putFigure(node, text, value) {
  mark(node, "value", value === null || value === undefined ? "" : String(value));
  if (node.textContent === text) return;
  node.replaceChildren(...[...text.matchAll(/[\d.,–]+|[^\d.,–]+/g)].map(([piece]) => (/[\d–]/.test(piece) ? piece : make("small", "", piece))));
}

// How a figure stands to its goal: a colour, a sign for those who do not see it, and a word.
export function putStanding(node, how, signed = node, word = null) {
  mark(node, "state", how);
  mark(signed, "sign", SIGNS[how]);
  if (word) put(word, how ? t(`goal.${how}`) : "");
}
