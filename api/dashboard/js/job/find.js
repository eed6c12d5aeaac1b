/** A search in lines of text: every place is marked, and one after the other comes into sight. */

import { h, fill } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";

const PAUSE_MS = 150;
const MOST_PLACES = 1000;

export class Finder {
  /** @param lines the element whose children are searched */
  constructor(lines) {
    this.lines = lines;
    this.places = [];
    this.at = -1;
    this.field = h("input", { type: "search", "aria-label": t("find.label"), placeholder: t("find.label"), spellcheck: "false" });
    this.count = h("span", { class: "note", role: "status" });
    const step = (way, name, sign) => h("button", { class: "button small", type: "button", "aria-label": t(name), title: t(name), on: { click: () => this.go(way) } }, sign);
    this.element = h("div", { class: "find", role: "search" }, this.field, this.count, step(-1, "find.previous", "↑"), step(1, "find.next", "↓"));
    this.field.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.refresh(true), PAUSE_MS);
    });
    this.field.addEventListener("keydown", (event) => event.key === "Enter" && this.go(event.shiftKey ? -1 : 1));
  }

  /** Mark every place anew: the words or the lines are others than before. */
  refresh(moved = false) {
    const wanted = this.field.value.toLowerCase();
    for (const line of this.lines.querySelectorAll(":scope > :has(mark)")) fill(line, line.textContent);
    this.places = [];
    if (wanted) {
      for (const line of this.lines.children) {
        if (this.places.length < MOST_PLACES && line.textContent.toLowerCase().includes(wanted)) this.#mark(line, wanted);
      }
    }
    if (moved || this.at >= this.places.length) this.at = this.places.length ? 0 : -1;
    this.#show(moved);
  }

  #mark(line, wanted) {
    const text = line.textContent;
    const low = text.toLowerCase();
    const parts = [];
    let from = 0;
    for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
      const mark = h("mark", {}, text.slice(at, at + wanted.length));
      this.places.push(mark);
      parts.push(text.slice(from, at), mark);
      from = at + wanted.length;
    }
    fill(line, parts, text.slice(from));
  }

  /** Go to the next place, or back to the one before; behind the last comes the first. */
  go(way) {
    if (!this.places.length) return;
    this.at = (this.at + way + this.places.length) % this.places.length;
    this.#show(true);
  }

  #show(scroll) {
    this.lines.querySelector("mark.here")?.classList.remove("here");
    const here = this.places[this.at];
    here?.classList.add("here");
    if (scroll && here) this.lines.scrollTop += here.getBoundingClientRect().top - this.lines.getBoundingClientRect().top - this.lines.clientHeight / 2;
    const values = { n: whole(this.at + 1), all: whole(this.places.length) };
    fill(this.count, !this.field.value ? "" : here ? t("find.at", values) : t("find.none"));
  }
}
