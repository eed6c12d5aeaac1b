/** Fields with a label, a hint and the service's own complaint beside them; a refusal finds its field by its pointer. */

import { h, fill, setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { announce } from "./announce.js";
import { problemNotice, sentence } from "./notice.js";

let numbers = 0;

/**
 * A control with its words.
 *
 * @param pointer the JSON pointer of what the control writes; refusals of it, or of what lies below, appear here
 * @param control an input, select or textarea
 */
export function field({ label, hint = null, pointer = null, optional = false }, control) {
  const id = control.id || `field-${++numbers}`;
  const said = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
  setAttribute(control, "id", id);
  setAttribute(control, "aria-describedby", said);
  return h("div", { class: "field", "data-pointer": pointer },
    h("label", { for: id }, label, optional && h("span", { class: "note" }, ` (${t("form.optional")})`)),
    control,
    hint && h("p", { class: "note", id: `${id}-hint` }, hint),
    h("p", { class: "error", id: `${id}-error`, role: "alert" }));
}

/** A text input; `more` are attributes. */
export function text(value = "", more = {}) {
  const input = h("input", { type: "text", spellcheck: "false", autocomplete: "off", ...more });
  input.value = value ?? "";
  return input;
}

/** A choice; options are `[value, words]`, or `[title, [[value, words], ...]]` for several of a kind. */
export function select(options, value = null, more = {}) {
  const option = ([one, words]) => (Array.isArray(words) ? h("optgroup", { label: one }, words.map(option)) : h("option", { value: one }, words));
  const control = h("select", more, options.map(option));
  if (value !== null) control.value = value;
  return control;
}

/** A box to tick, with its words behind it. */
export function checkbox(words, checked = false, more = {}) {
  const input = h("input", { type: "checkbox", ...more });
  input.checked = checked;
  return { element: h("label", { class: "check" }, input, words), input };
}

/** Take all complaints away, except those at the fields in `but`. */
export function clearFaults(form, but = new Map()) {
  const stays = (element) => but.has(element.closest(".field"));
  for (const place of form.querySelectorAll(".field > .error:not(:empty)")) if (!stays(place)) fill(place);
  for (const control of form.querySelectorAll("[aria-invalid]")) if (!stays(control)) setAttribute(control, "aria-invalid", null);
}

/**
 * Put each of a refusal's faults at its field, and focus the first; gives those that belong to no field.
 *
 * The field of `/training/epochs` takes faults of `/training/epochs` and of anything below it, unless a closer field is there.
 *
 * @param quiet for complaints while somebody still writes: the focus stays, and what is said already is not said again
 */
export function placeFaults(form, problem, { quiet = false } = {}) {
  const fields = [...form.querySelectorAll("[data-pointer]")].sort((a, b) => b.dataset.pointer.length - a.dataset.pointer.length);
  const placed = new Map();
  const lost = [];
  for (const fault of problem.errors ?? []) {
    const place = fields.find(({ dataset: { pointer } }) => fault.pointer === pointer || fault.pointer?.startsWith(`${pointer}/`));
    if (!place) lost.push(fault);
    else if (!placed.has(place)) placed.set(place, fault.detail);
  }
  clearFaults(form, placed);
  const controls = [...placed].map(([place, detail]) => complain(place, detail));
  if (quiet || !placed.size) return lost;
  controls[0]?.focus();
  announce(t("form.open"));
  return lost;
}

function complain(place, detail) {
  const control = place.querySelector("input, select, textarea");
  const error = place.querySelector(":scope > .error");
  if (error.textContent !== sentence(detail)) fill(error, sentence(detail));
  if (control) setAttribute(control, "aria-invalid", "true");
  return control;
}

/**
 * A form that sends itself once and says what was wrong.
 *
 * @param send an async function; what it throws is shown at its fields or above the buttons
 * @param cancel what a second button does, where there is something to go back to
 */
export function form({ fields, submit, send, cancel = null, kind = "" }) {
  const trouble = h("div");
  const button = h("button", { class: "button primary", type: "submit" }, submit);
  const back = cancel && h("button", { class: "button", type: "button", on: { click: cancel } }, t("form.cancel"));
  const element = h("form", { class: `form ${kind}`.trim(), novalidate: true, on: { submit: sent } }, fields, trouble,
    h("div", { class: "row" }, back, button));

  async function sent(event) {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    fill(trouble);
    clearFaults(element);
    try {
      await send();
    } catch (problem) {
      const lost = placeFaults(element, problem);
      const known = problem.errors?.length && !lost.length;
      if (!known) fill(trouble, problemNotice(problem, lost.map((fault) => h("p", {}, [fault.pointer, fault.detail].filter(Boolean).join(": ")))));
    } finally {
      button.disabled = false;
    }
  }

  return element;
}
