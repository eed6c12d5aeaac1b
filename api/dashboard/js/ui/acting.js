/** Buttons that ask something of the service: one press at a time, why it did not work, and the page read again after it. */

import { h, redraw } from "../lib/dom.js";
import { problemNotice } from "./notice.js";

/**
 * @param changed called when an act has changed something
 * @returns {button, trouble}: `button(words, act, kind, label)` presses `act`, an async function that gives whether
 *   something has changed; `trouble` is where refusals stand
 */
export function acting(changed) {
  const trouble = h("div", { class: "stack" });

  function button(words, act, kind = "", label = null) {
    const element = h("button", { class: `button ${kind}`.trim(), type: "button", "aria-label": label }, words);
    let busy = false; // a disabled button could not have the focus back from a dialog
    element.addEventListener("click", async () => {
      if (busy) return;
      busy = true;
      redraw(trouble, null, () => null);
      try {
        if (await act()) await changed();
      } catch (problem) {
        redraw(trouble, [problem.message, Date.now()], () => problemNotice(problem));
      } finally {
        busy = false;
        if (!element.isConnected && document.activeElement === document.body) document.querySelector("main h1")?.focus();
      }
    });
    return element;
  }

  return { button, trouble };
}
