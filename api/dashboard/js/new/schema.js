/** Forms out of JSON schemas: each field becomes the control that fits it, and writes into the draft by its pointer. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { checkbox, field, select, text } from "../ui/form.js";
import { escaped } from "./draft.js";
import { boundsOf, describedFields, resolved, titleOf } from "./docs.js";

/** What only `python -m kdcore` may name. */
const LOCAL = new Set(["path", "weights"]);

export class SchemaForm {
  /** @param root the schema whose `$defs` are referred to */
  constructor(draft, root) {
    Object.assign(this, { draft, root });
  }

  /** The schema of the field at a pointer of the document. */
  at(pointer) {
    return pointer.split("/").slice(1).reduce((schema, step) => resolved(schema.properties[step], this.root).schema, this.root);
  }

  /** One field of the object at `pointer`, by its name. */
  field(pointer, name, owner = this.at(pointer), more = {}) {
    const description = describedFields(owner).get(name) ?? owner.properties[name].description ?? null;
    return this.#field(`${pointer}/${escaped(name)}`, owner.properties[name], {
      name, description, required: owner.required?.includes(name) ?? false, ...more,
    });
  }

  /** All fields of the object at `pointer`: simple ones side by side, and those with parts of their own below. */
  fields(pointer, owner = this.at(pointer), without = []) {
    const names = Object.keys(owner.properties ?? {}).filter((name) => !LOCAL.has(name) && !without.includes(name));
    const made = names.map((name) => [isGroup(resolved(owner.properties[name], this.root).schema), this.field(pointer, name, owner)]);
    const of = (group) => made.filter(([one]) => one === group).map(([, element]) => element);
    return [h("div", { class: "fields" }, of(false)), of(true)];
  }

  #field(pointer, given, words) {
    const { schema, nullable } = resolved(given, this.root);
    const label = words.label ?? titleOf(words.name, given.title ? given : {});
    const about = { pointer, schema, nullable, label, ...words };
    if (isGroup(schema)) return nullable ? this.#switched(about) : this.#group(about);
    if (schema.type === "boolean" && !nullable) return this.#ticked(about);
    const control = CONTROLS.find(([suits]) => suits(schema))[1](about, this.draft);
    return field({ label, pointer, hint: hintOf(about) }, control);
  }

  #group({ pointer, schema, label }) {
    return h("fieldset", { class: "group" }, h("legend", {}, label), this.fields(pointer, schema));
  }

  /** Yes or no, where one of them is the default. */
  #ticked(about) {
    const { pointer, schema, label } = about;
    const { element, input } = checkbox(label, this.draft.get(pointer) ?? schema.default ?? false);
    input.addEventListener("change", () => this.draft.set(pointer, input.checked === schema.default ? undefined : input.checked));
    return below(pointer, element, hintOf(about));
  }

  /** An object that may be absent: a box to tick, and its fields while it is ticked. */
  #switched({ pointer, schema, label, description }) {
    const inner = h("div", { class: "stack" });
    const { element, input } = checkbox(label, this.draft.get(pointer) !== undefined && this.draft.get(pointer) !== null);
    const show = () => fill(inner, input.checked && this.fields(pointer, schema));
    this.draft.hold(pointer);
    input.addEventListener("change", () => {
      this.draft.set(pointer, input.checked ? {} : undefined);
      show();
    });
    show();
    return below(pointer, element, description, inner);
  }
}

/** A field whose label stands behind its box. */
function below(pointer, element, hint, inner = null) {
  return h("div", { class: "field", "data-pointer": pointer }, element, hint && h("p", { class: "note" }, hint), inner, h("p", { class: "error", role: "alert" }));
}

function hintOf({ description, schema }) {
  const sentences = [description, boundsOf(schema)].filter(Boolean);
  return sentences.length ? sentences.flatMap((sentence, index) => [index ? " " : "", sentence]) : null;
}

const isGroup = (schema) => schema.type === "object" && Boolean(schema.properties) && schema.additionalProperties !== true;
const isNumber = (schema) => schema.type === "number" || schema.type === "integer";
const choicesOf = (schema) => schema.enum ?? ("const" in schema ? [schema.const] : null);

/** Which control suits a schema: the first that says so. */
const CONTROLS = [
  [(schema) => choicesOf(schema), choice],
  [(schema) => schema.type === "boolean", yesOrNo],
  [isNumber, number],
  [(schema) => schema.type === "array" && schema.items?.enum, several],
  [(schema) => schema.type === "array" && (schema.items?.type === "string" || isNumber(schema.items ?? {})), list],
  [(schema) => schema.type === "string", line],
  [(schema) => (schema.anyOf ?? schema.oneOf)?.some((one) => one.type === "string" || isNumber(one)), loose],
  [() => true, json],
];

/** What holds where nothing is chosen. */
function byDefault({ schema: { default: value } }) {
  if (value === undefined || value === null) return t("schema.unset");
  return t("schema.default", { value: typeof value === "object" ? JSON.stringify(value) : String(value).replaceAll("_", " ") });
}

function choice(about, draft) {
  const shown = choicesOf(about.schema).map((value) => [value, String(value).replaceAll("_", " ")]);
  const control = select([["", byDefault(about)], ...shown], draft.get(about.pointer) ?? "");
  control.addEventListener("change", () => draft.set(about.pointer, control.value || undefined));
  return control;
}

/** Yes, no, or what follows from something else. */
function yesOrNo(about, draft) {
  const control = select([["", t("schema.unset")], ["true", t("schema.yes")], ["false", t("schema.no")]], String(draft.get(about.pointer) ?? ""));
  control.addEventListener("change", () => draft.set(about.pointer, control.value ? control.value === "true" : undefined));
  return control;
}

/** An input whose text is read as a value; what is no value is sent as it is, and the service says what is wrong with it. */
function typed(about, draft, { read, write, ...more }) {
  const value = draft.get(about.pointer);
  const control = text(value === undefined || value === null ? "" : write(value), { placeholder: byDefault(about), ...more });
  control.addEventListener("input", () => draft.set(about.pointer, control.value.trim() === "" ? undefined : read(control.value.trim())));
  return control;
}

function number(about, draft) {
  const { minimum, maximum, type } = about.schema;
  return typed(about, draft, { read: Number, write: String, type: "number", min: minimum, max: maximum, step: type === "integer" ? 1 : "any" });
}

function line(about, draft) {
  return typed(about, draft, { read: (value) => value, write: String, maxlength: about.schema.maxLength });
}

function list(about, draft) {
  const one = isNumber(about.schema.items) ? Number : (value) => value;
  const read = (value) => value.split(",").map((item) => item.trim()).filter(Boolean).map(one);
  return typed(about, draft, { read, write: (value) => value.join(", ") });
}

/** A number, a word, or whatever JSON can say. */
function loose(about, draft) {
  return typed(about, draft, { read: parsed, write: (value) => (typeof value === "string" ? value : JSON.stringify(value)) });
}

/** What is no JSON is sent as it is, and the service says what it wants instead. */
function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function several(about, draft) {
  const chosen = () => draft.get(about.pointer) ?? about.schema.default ?? [];
  const boxes = about.schema.items.enum.map((value) => {
    const { element, input } = checkbox(value, chosen().includes(value));
    input.addEventListener("change", () => {
      const rest = about.schema.items.enum.filter((other) => (other === value ? input.checked : chosen().includes(other)));
      draft.set(about.pointer, rest);
    });
    return element;
  });
  return h("div", { class: "choices", role: "group", "aria-label": about.label }, boxes);
}

/** What no control can hold is written as JSON. */
function json(about, draft) {
  const value = draft.get(about.pointer);
  const control = h("textarea", { class: "mono", spellcheck: "false", rows: 3, placeholder: byDefault(about) });
  control.value = value === undefined ? "" : JSON.stringify(value);
  control.addEventListener("input", () => draft.set(about.pointer, control.value.trim() === "" ? undefined : parsed(control.value)));
  return control;
}
