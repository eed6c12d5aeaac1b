/** The method: found by its name or its sentence among those that suit the data, with the options that it has. */

import { h, fill, redraw, setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { checkbox, text } from "../ui/form.js";
import { presetOf } from "./draft.js";
import { fits, groupOf } from "./known.js";
import { section } from "./section.js";
import { SchemaForm } from "./schema.js";

const GROUPS = ["alone", "answers", "features", "balance", "networks", "transformer", "generator", "detector"];
const FEW = 6;

export function methodPart(draft, known) {
  const card = h("div", { class: "chosen" });
  const options = h("div", { class: "stack" });
  const list = choice(draft, known, () => update());
  const button = h("button", { class: "button small", type: "button", "aria-expanded": "false" }, t("method.choose"));
  list.element.hidden = true;
  button.addEventListener("click", () => {
    list.element.hidden = !list.element.hidden;
    setAttribute(button, "aria-expanded", String(!list.element.hidden));
    if (!list.element.hidden) list.open();
  });

  function update() {
    const method = known.method(presetOf(draft.spec));
    const written = method ? null : draft.get("/method");
    redraw(card, [method?.name, written], () => (method ? cardOf(method) : writtenOut(written)));
    redraw(options, method?.name, () => method && optionsOf(draft, method));
    list.update();
  }

  const element = section(t("method.title"), null, h("div", { class: "field", "data-pointer": "/method" }, card, h("div", {}, button), h("p", { class: "error", role: "alert" })),
    list.element, options);
  return { element, update };
}

const cardOf = ({ title, summary, paper, reconstruction }) => [
  h("h3", {}, title), h("p", {}, summary), paper && h("p", { class: "note" }, paper),
  reconstruction && h("details", {}, h("summary", {}, t("method.differs")), h("p", { class: "note" }, reconstruction)),
];

function writtenOut(method) {
  const stages = method?.stages ?? [];
  return [h("h3", {}, t("method.written")), h("p", {}, t("method.writtenText", { stages: stages.length, terms: stages.flatMap((stage) => stage.terms ?? []).length }))];
}

/** A few options are shown, many are one step away. */
function optionsOf(draft, method) {
  const schema = method.options_schema;
  const names = Object.keys(schema.properties ?? {});
  const fields = new SchemaForm(draft, schema).fields("/method", schema);
  return names.length > FEW ? h("details", { class: "further" }, h("summary", {}, t("method.options", { n: names.length })), h("div", { class: "stack" }, fields)) : fields;
}

/** The list of methods: a search field, and one radio button for each. */
function choice(draft, known, chosen) {
  let holds = null;
  const query = text("", { type: "search", "aria-label": t("method.search"), placeholder: t("method.search") });
  const suiting = checkbox(t("method.suiting"), true);
  const found = h("p", { class: "note", role: "status" });
  const items = known.methods.map((method) => item(method, () => {
    draft.set("/method", method.name);
    chosen();
  }));
  const groups = GROUPS.map((group) => h("fieldset", { class: "methods" }, h("legend", {}, t(`methods.${group}`)),
    items.filter(({ method }) => groupOf(method) === group).map(({ element }) => element)));

  function filter() {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { method, element, text: content } of items) {
      element.hidden = !words.every((word) => content.includes(word)) || (suiting.input.checked && !fits(method, holds));
    }
    for (const group of groups) group.hidden = [...group.querySelectorAll("label")].every((label) => label.hidden);
    const n = items.filter(({ element }) => !element.hidden).length;
    fill(found, t("method.found", { n }));
  }

  async function update() {
    const preset = presetOf(draft.spec);
    for (const { method, input } of items) input.checked = method.name === preset;
    holds = await known.holds(draft.get("/dataset")).catch(() => null);
    filter();
  }

  function open() {
    query.focus();
    element.querySelector("input:checked")?.closest("label").scrollIntoView({ block: "nearest" });
  }

  query.addEventListener("input", filter);
  suiting.input.addEventListener("change", filter);
  const element = h("div", { class: "catalogue" }, query, h("div", { class: "row" }, suiting.element, found), h("div", { class: "listed", tabindex: "-1" }, groups));
  return { element, update, open };
}

function item(method, choose) {
  const input = h("input", { type: "radio", name: "method", value: method.name, on: { change: choose } });
  const element = h("label", { class: "method" }, input, h("span", {}, h("strong", {}, method.title), " ", h("code", { class: "note" }, method.name),
    h("span", { class: "block" }, method.summary), h("span", { class: "note block" }, method.paper)));
  const content = [method.name, method.title, method.summary, method.paper].join(" ").toLowerCase();
  return { method, input, element, text: content };
}
