/** Heads of columns that sort the list: one press for the usual direction, another one for the other. */

import { fill, h, setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { asked, changed } from "./address.js";

/** Column -> the direction that is wanted first. */
const FIRST = { name: "name", created: "-created_at", ended: "-finished_at" };

const turned = (sort) => (sort.startsWith("-") ? sort.slice(1) : `-${sort}`);

/**
 * What a column that sorts has more than others.
 *
 * @param apply called with the new query string
 */
export function sorting(name, title, apply) {
  const first = FIRST[name];
  if (!first) return {};
  const here = () => [first, turned(first)].includes(asked().sort);
  const next = () => changed({ sort: here() ? turned(asked().sort) : first });
  const head = h("a", { class: "sort" });
  head.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    apply(next(), { push: true });
  });

  function sorted() {
    const down = asked().sort.startsWith("-");
    setAttribute(head, "href", `/jobs${next()}`);
    setAttribute(head, "title", t(`sort.${here() ? turned(asked().sort) : first}`));
    fill(head, title, h("span", { class: here() ? "" : "idle" }, icon(down || !here() ? "worse" : "better")));
    return here() ? (down ? "descending" : "ascending") : null;
  }

  return { head, sorted };
}
