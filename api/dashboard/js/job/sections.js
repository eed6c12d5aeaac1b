/** The evidence in sections, with links that lead to them; what has no data is not there. */

import { fill, h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";

/** A part that is on the page only while it has something to show. */
export function given(has, part) {
  const update = () => {
    part.element.hidden = !has();
    if (!part.element.hidden) part.update();
  };
  return { ...part, update };
}

const AGAIN_MS = 3000;

/**
 * Parts that are fetched once there is something for them to show, so that every other page is spared them.
 *
 * @param load gives a promise of the parts
 */
export function fetched(has, load) {
  const element = h("div", { class: "stack" });
  let [parts, asked, left] = [[], false, false];

  function fetch() {
    asked = true;
    load().then(arrive, () => left || setTimeout(fetch, AGAIN_MS));
  }

  function arrive(found) {
    if (left) return found.forEach((part) => part.stop?.());
    parts = found;
    fill(element, parts.map((part) => part.element));
    return update();
  }

  function update() {
    element.hidden = !has();
    if (element.hidden) return;
    if (!asked) fetch();
    for (const part of parts) part.update();
  }

  function stop() {
    left = true;
    for (const part of parts) part.stop?.();
  }

  return { element, update, stop };
}

/** Parts beside each other. */
export function beside(...parts) {
  return joined(h("div", { class: "pair" }, parts.map(({ element }) => element)), parts);
}

/** As many parts in a row as there is room for. */
export function several(...parts) {
  return joined(h("div", { class: "multiples" }, parts.map(({ element }) => element)), parts);
}

/** Parts below each other under a heading that a link can lead to. */
export function section(name, ...parts) {
  const heading = h("h2", { tabindex: -1 }, t(`section.${name}`));
  const element = h("section", { class: "part stack", id: name }, heading, parts.map((part) => part.element));
  return { ...joined(element, parts), name, heading };
}

/** Several parts as one, which is there as long as any of them is. */
function joined(element, parts) {
  const update = () => {
    for (const part of parts) part.update();
    element.hidden = parts.every((part) => part.element.hidden);
  };
  return { element, update, stop: () => parts.forEach((part) => part.stop?.()) };
}

/** Links to the sections that are there. */
export function contents(sections) {
  const element = h("nav", { class: "contents", "aria-label": t("section.nav") });
  const link = (to) => h("a", { href: `#${to.name}`, on: { click: (event) => lead(event, to) } }, t(`section.${to.name}`));
  const update = () => {
    const there = sections.filter((one) => !one.element.hidden);
    element.hidden = there.length < 2;
    redraw(element, there.map(({ name }) => name), () => there.map(link));
  };
  return { element, update };
}

/** The address stays the page's own: the browser's jump would be a step in its history. */
function lead(event, { element, heading }) {
  event.preventDefault();
  history.replaceState(history.state, "", event.currentTarget.hash);
  element.scrollIntoView();
  heading.focus({ preventScroll: true });
}
