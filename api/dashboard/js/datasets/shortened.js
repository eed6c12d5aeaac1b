/** A long list: the first few of it, and a button that shows all. */

import { h, fill } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";

/** @param draw gives what shows these items, such as a table of them */
export function shortened(items, first, draw) {
  if (items.length <= first) return draw(items);
  const place = h("div", {}, draw(items.slice(0, first)));
  const more = h("button", { class: "button small", type: "button" }, t("dataset.showAll", { number: whole(items.length) }));
  more.addEventListener("click", () => {
    fill(place, draw(items));
    place.tabIndex = -1;
    place.focus();
    more.remove();
  });
  return h("div", { class: "shortened" }, place, more);
}
