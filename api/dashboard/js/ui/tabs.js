/** Several views of one thing in one place: arrow keys go from tab to tab, and one of them is seen. */

import { h, fill, setAttribute } from "../lib/dom.js";

let numbers = 0;

/**
 * @param label names the tabs for those who hear them
 * @param tabs `[{ name, face, vars }]`: `face` is what stands on the tab, `vars` custom properties of its button
 * @param show gives what is seen for the name of a tab
 * @param chosen the tab that is seen first; `changed` is called with each that is chosen then
 * @returns {element, choose, update}: see one of them; draw the one that is seen again
 */
export function tabs({ label, tabs: all, show, chosen = all[0].name, kind = "", changed = () => {} }) {
  const id = `tabs-${++numbers}`;
  let now = chosen;
  const panel = h("div", { class: "tabpanel", role: "tabpanel", id: `${id}-panel` });
  const buttons = all.map(({ name, face, vars }) => h("button", { class: "tab", type: "button", role: "tab", id: `${id}-${name}`,
    "aria-controls": `${id}-panel`, vars, on: { click: () => choose(name), keydown: step } }, face));
  const list = h("div", { class: "tablist", role: "tablist", "aria-label": label }, buttons);

  function step(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = (all.findIndex(({ name }) => name === now) + by + all.length) % all.length;
    choose(all[next].name);
    buttons[next].focus();
  }

  function choose(name) {
    now = name;
    changed(name);
    update();
  }

  function update() {
    all.forEach(({ name }, index) => {
      setAttribute(buttons[index], "aria-selected", String(name === now));
      setAttribute(buttons[index], "tabindex", name === now ? "0" : "-1");
    });
    setAttribute(panel, "aria-labelledby", `${id}-${now}`);
    fill(panel, show(now));
  }

  update();
  return { element: h("div", { class: `tabs ${kind}`.trim() }, list, panel), choose, update };
}
