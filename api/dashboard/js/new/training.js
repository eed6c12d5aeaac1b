/** How it is trained, what is delivered, and how the job is found again: the common fields first, all others behind them. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { field } from "../ui/form.js";
import { more, section } from "./section.js";

const COMMON = ["epochs", "batch_size", "seed", "precision"];
const RATE = ["name", "lr"];

export function trainingPart(draft, known, form) {
  const [epochs, batch, seed, precision] = COMMON.map((name) => form.field("/training", name, undefined, { description: null }));
  const optimizer = form.field("/training/optimizer", "name", undefined, { label: t("word.optimizer"), description: null });
  const rate = form.field("/training/optimizer", "lr");
  const rest = h("fieldset", { class: "group" }, h("legend", {}, t("word.optimizer")), form.fields("/training/optimizer", undefined, RATE));
  const element = section(t("training.title"), null, h("div", { class: "fields" }, epochs, batch, optimizer, rate, seed, precision),
    more(rest, form.fields("/training", undefined, [...COMMON, "optimizer"])));
  return { element, update() {} };
}

export function jobPart(draft, known, form) {
  const name = form.field("", "name", form.root, { description: null });
  const control = name.querySelector("input");
  const element = section(t("job.part"), null, name,
    form.field("", "baseline", form.root), form.field("", "deliver", form.root),
    more(h("div", { class: "fields" }, form.field("", "priority", form.root), form.field("/resources", "device"), form.field("/resources", "hours")), labelsField(draft),
      form.fields("/resources", undefined, ["device", "hours"])));
  const update = () => {
    if (control !== document.activeElement && control.value !== draft.get("/name")) control.value = draft.get("/name") ?? "";
  };
  return { element, update };
}

/** Labels, one a line. */
function labelsField(draft) {
  const control = h("textarea", { rows: 2, spellcheck: "false", placeholder: "team: vision" });
  control.value = Object.entries(draft.get("/labels") ?? {}).map((pair) => pair.join(": ")).join("\n");
  control.addEventListener("input", () => {
    const pairs = control.value.split("\n").filter((line) => line.trim()).map(pairOf);
    draft.set("/labels", pairs.length ? Object.fromEntries(pairs) : undefined);
  });
  return field({ label: t("new.labels"), hint: t("new.labelsHint"), pointer: "/labels" }, control);
}

function pairOf(line) {
  const [name, ...value] = line.split(":");
  return [name.trim(), value.join(":").trim()];
}
