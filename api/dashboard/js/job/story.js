/** What happened, newest at the bottom: changes of status and phase, checkpoints, and the engine's own lines. */

import { h } from "../lib/dom.js";
import { bytes, clock, moment, whole } from "../lib/format.js";
import { has, t } from "../lib/text.js";
import { runName } from "./accuracy.js";

const MOST_LINES = 400;

export function story(state) {
  const lines = h("ol", { class: "lines", "aria-label": t("story.title"), tabindex: 0 });
  const element = h("section", { class: "panel story" }, h("header", {}, h("h3", {}, t("story.title"))), lines);
  let [from, to] = [0, 0];

  function update() {
    const { events } = state;
    const [first, last] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
    if (first === from && last === to) return;
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
    const known = to;
    if (to === 0) lines.replaceChildren();
    lines.append(...events.filter((event) => event.seq > known).flatMap(told).map(draw));
    while (lines.children.length > MOST_LINES) lines.firstElementChild.remove();
    [from, to] = [first, last];
    if (atEnd || known === 0) lines.scrollTop = lines.scrollHeight;
  }

  return { element, update };
}

/** Event -> lines of {at, kind, text}. */
export function told(event) {
  const tell = TELL[event.type];
  return tell ? [tell(event.data)].flat().filter(Boolean).map((line) => ({ at: event.created_at, ...line })) : [];
}

const TELL = {
  status: ({ status, reason, attempt }) => ({ kind: "status", text: [t(`status.${status}`), reason && reason !== status && reasonText(reason), attempt > 1 && t("story.attempt", { n: attempt })].filter(Boolean).join(" · ") }),
  phase: ({ phase, run }) => ({ kind: "phase", text: [...new Set([t(`phase.${phase}`), run && runName(run)])].filter(Boolean).join(" · ") }),
  checkpoint: ({ step, bytes: size }) => ({ kind: "checkpoint", text: t("story.saved", { step: whole(step), size: bytes(size) }) }),
  artifact: ({ name, bytes: size }) => ({ kind: "artifact", text: t("story.file", { name, size: bytes(size) }) }),
  change: (fields) => ({ kind: "change", text: t("story.changed", { what: Object.keys(fields).map((name) => t(`field.${name}`)).join(", ") }) }),
  log: ({ lines, left_out: left }) => [
    left ? { kind: "log", text: t("story.leftOut", { n: left }) } : null,
    ...lines.map(({ level, message }) => ({ kind: level === "info" ? "log" : level, text: message })),
  ],
};

const reasonText = (reason) => (has(`reason.${reason}`) ? t(`reason.${reason}`) : reason.replaceAll("_", " "));

function draw({ at, kind, text }) {
  return h("li", { class: kind }, h("time", { datetime: at, title: moment(at) }, clock(at, true)), h("span", { class: "kind" }, t(`story.${kind}`)), h("span", { class: "text" }, text));
}
