/** A button that copies a text and says so. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { announce } from "./announce.js";
import { icon } from "./icons.js";

const SHOWN_MS = 1600;

/** @param text a function that gives what to copy; `label` names the button */
export function copyButton(text, label = t("copy.copy"), kind = "button small", shown = true) {
  const words = (word) => (shown ? word : h("span", { class: "hidden" }, word));
  const face = () => [icon("copy"), words(label)];
  const button = h("button", { class: kind, type: "button", title: shown ? null : label }, face());
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    fill(button, icon(copied ? "succeeded" : "failed"), words(t(copied ? "copy.done" : "copy.failed")));
    announce(t(copied ? "copy.done" : "copy.failed"));
    setTimeout(() => fill(button, face()), SHOWN_MS);
  });
  return button;
}

/** The clipboard of browsers exists on HTTPS and on this machine only; the old way works on a plain network. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const area = h("textarea", { class: "hidden", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
