/** What the files of a model are: fields for what is often said, by format, and JSON for the rest. */

import { h, fill } from "../lib/dom.js";
import { NONE } from "../lib/format.js";
import { t } from "../lib/text.js";
import { everything } from "../net/listing.js";
import { checkbox, field, select, text } from "../ui/form.js";
import { architecture } from "./architecture.js";
import { TASKS } from "../ui/taskfilters.js";

const INPUTS = ["image", "series", "table", "tokens"];
const SAYS = ["auto", "logits", "probabilities"];

/** Name -> the fields of the format, as `{element, body}`. */
const FORMATS = {
  weights(signal) {
    const network = architecture(signal);
    const [outputs, whole] = [number(), strict(t("model.bring.strict"))];
    const element = [network.element, howMany(outputs, t("model.bring.outputsHint")), whole.element];
    return { element, suggest: network.suggest, body: () => ({ ...network.body(), ...numberOf("outputs", outputs), ...whole.body() }) };
  },
  huggingface() {
    const whole = strict(t("model.bring.strictClasses"));
    return { element: whole.element, body: whole.body };
  },
  onnx() {
    const [output, says] = [text(), said()];
    const one = field({ label: t("model.bring.output"), hint: t("model.bring.outputHint"), pointer: "/output", optional: true }, output);
    const element = h("div", { class: "fields" }, one, says.element);
    return { element, body: () => ({ ...textOf("output", output), ...says.body() }) };
  },
  outputs() {
    const [outputs, says] = [number(), said()];
    const element = h("div", { class: "fields" }, howMany(outputs, t("model.bring.largestHint")), says.element);
    return { element, body: () => ({ ...numberOf("outputs", outputs), ...says.body() }) };
  },
};

/** @returns {element, body, suggest}: `suggest(architectures)` offers what a file's name speaks of */
export function format(signal) {
  const control = select(Object.keys(FORMATS).map((name) => [name, t(`model.bring.format.${name}`)]), "weights");
  const [box, purpose, rest] = [h("div", { class: "form" }), madeFor(signal), others()];
  const made = new Map();
  const present = () => made.get(control.value);
  const show = () => {
    if (!present()) made.set(control.value, FORMATS[control.value](signal));
    fill(box, present().element);
  };
  control.addEventListener("change", show);
  show();
  const element = h("div", { class: "form" },
    h("h2", {}, t("model.bring.what")), field({ label: t("model.bring.format"), hint: t("model.bring.formatHint"), pointer: "/format" }, control), box,
    h("h2", {}, t("model.bring.purpose")), purpose.element, rest.element);
  const body = () => ({ format: control.value, ...present().body(), ...purpose.body(), ...rest.body() });
  return { element, body, suggest: (found) => made.get("weights")?.suggest(found) };
}

/** What the model answers and takes: as a dataset of the project has it, or as it is said here. */
function madeFor(signal) {
  const [dataset, task, kind] = [select([["", t("model.bring.noDataset")]]), choice(TASKS, (name) => t(`task.${name}`)), choice(INPUTS, (name) => t(`model.input.${name}`))];
  const [shape, classes] = [text("", { placeholder: "3, 32, 32" }), text()];
  const [mean, std] = [text("", { placeholder: "0.485, 0.456, 0.406" }), text("", { placeholder: "0.229, 0.224, 0.225" })];
  everything("/v1/datasets", {}, signal).then((found) => dataset.append(...found.filter((one) => one.latest).map((one) => h("option", { value: one.id }, one.name))), () => {});
  const at = (label, pointer, control, hint = null) => field({ label, pointer, hint, optional: true }, control);
  const element = [
    h("div", { class: "fields" }, at(t("model.bring.dataset"), "/dataset", dataset, t("model.bring.datasetHint")), at(t("model.field.task"), "/task", task)),
    at(t("model.field.classes"), "/classes", classes, t("model.bring.classesHint")),
    h("div", { class: "fields" }, at(t("model.field.input"), "/input/kind", kind), at(t("model.field.shape"), "/input/shape", shape, t("model.bring.shapeHint"))),
    h("div", { class: "fields" }, at(t("model.field.mean"), "/mean", mean, t("model.bring.meanHint")), at(t("model.field.std"), "/std", std, t("model.bring.stdHint"))),
  ];
  const body = () => ({
    ...(dataset.value && { dataset: { id: dataset.value } }), ...textOf("task", task), ...listOf("classes", classes, String),
    ...((kind.value || shape.value.trim()) && { input: { ...textOf("kind", kind), ...listOf("shape", shape) } }), ...listOf("mean", mean), ...listOf("std", std),
  });
  return { element, body };
}

/** Whatever has no field, such as rules for names, as the service's documents write it. */
function others() {
  const area = h("textarea", { class: "mono", rows: 4, spellcheck: "false", placeholder: '{"rename": [{"find": "encoder.", "to": "stem."}]}' });
  const element = h("details", {}, h("summary", {}, t("model.bring.more")), field({ label: t("model.bring.rest"), hint: t("model.bring.restHint"), pointer: "#rest" }, area));
  const body = () => {
    try {
      return area.value.trim() ? JSON.parse(area.value) : {};
    } catch (error) {
      throw Object.assign(new Error(error.message), { errors: [{ pointer: "#rest", detail: t("model.bring.notJson", { why: error.message }) }] });
    }
  };
  return { element, body };
}

const number = () => text("", { type: "number", min: 1, step: 1 });
const choice = (values, words) => select([["", NONE], ...values.map((value) => [value, words(value)])], "");

const howMany = (control, hint) => field({ label: t("model.bring.outputs"), hint, pointer: "/outputs", optional: true }, control);

function strict(words) {
  const box = checkbox(words, true);
  return { element: box.element, body: () => (box.input.checked ? {} : { strict: false }) };
}

function said() {
  const control = select(SAYS.map((name) => [name, t(`model.bring.says.${name}`)]), "auto");
  return { element: field({ label: t("model.bring.saysLabel"), pointer: "/says" }, control), body: () => ({ says: control.value }) };
}

const textOf = (name, control) => (control.value.trim() ? { [name]: control.value.trim() } : {});
const numberOf = (name, control) => (control.value ? { [name]: Number(control.value) } : {});

/** What is no number stays as it was written: the service says what is wrong with it. */
const numeric = (word) => (Number.isNaN(Number(word)) ? word : Number(word));
const listOf = (name, control, read = numeric) => (control.value.trim() ? { [name]: control.value.split(",").map((word) => read(word.trim())) } : {});
