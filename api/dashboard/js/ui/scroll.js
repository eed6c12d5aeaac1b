/** A box that scrolls sideways where what stands in it is wider; only then is it a stop for the keyboard. */

import { h, setAttribute } from "../lib/dom.js";

const watcher = new ResizeObserver((entries) => {
  for (const box of new Set(entries.map(({ target }) => target.closest(".scroll")))) {
    if (box) setAttribute(box, "tabindex", box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight ? 0 : null);
  }
});

/** @param children what stands in the box; it may be filled anew later */
export function scroller(...children) {
  const box = h("div", { class: "scroll" }, children);
  const watch = () => [box, ...box.children].forEach((element) => watcher.observe(element));
  new MutationObserver(watch).observe(box, { childList: true });
  watch();
  return box;
}
