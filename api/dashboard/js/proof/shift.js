/** Whether the test inputs look like what was trained on, in the student's own features. */

import { h, redraw } from "../lib/dom.js";
import { loss, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { shiftOf } from "./given.js";

const SURE = 0.05;

export function shiftPanel(state) {
  const element = h("section", { class: "panel shift" });
  return { element, update: () => redraw(element, shiftOf(state), () => drawn(shiftOf(state))) };
}

function drawn({ space, width, examples, w2, mmd, p_value: p, floor }) {
  const shifted = p < SURE;
  const [tone, sign, words] = shifted ? ["warn", "warning", "shift.shifted"] : ["good", "succeeded", "shift.same"];
  return [
    h("header", {}, h("h3", {}, t("shift.title")), h("span", { class: `badge ${tone}` }, icon(sign), t(words))),
    h("dl", { class: "facts" },
      fact("shift.w2", loss(w2), t("shift.floor", { value: loss(floor.w2) })),
      fact("shift.mmd", loss(mmd), t("shift.floor", { value: loss(floor.mmd) })),
      fact("shift.p", loss(p), t("shift.pNote"))),
    h("p", { class: "note" }, t("shift.note", { n: whole(examples), space, width: whole(width) })),
  ];
}

const fact = (title, figure, note) => h("div", {}, h("dt", {}, t(title)), h("dd", {}, h("strong", {}, figure), h("span", { class: "note" }, note)));
