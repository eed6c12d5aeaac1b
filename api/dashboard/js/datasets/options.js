/** The fields of a format's options, and the document that they make. */

import { h } from "../lib/dom.js";
import { has, t } from "../lib/text.js";
import { checkbox, field, select, text } from "../ui/form.js";

/**
 * @param descriptions of `formats.js`
 * @param given a document whose values are filled in, such as the options of an earlier version
 * @returns {element, body}: `body()` gives only what differs from the service's own choice
 */
export function options(descriptions, given = {}) {
  const made = descriptions.map((one) => ({ ...one, ...control(one, at(given, one.pointer)) }));
  const [boxes, others] = [made.filter(({ kind }) => kind === "toggle"), made.filter(({ kind }) => kind !== "toggle")];
  const element = h("div", { class: "stack" }, h("div", { class: "fields" }, others.map((one) => one.element)),
    boxes.length > 0 && h("div", {}, boxes.map((one) => one.element)));
  const body = () => made.reduce((document, { pointer, value }) => put(document, pointer, value()), {});
  return { element, body };
}

/** The name under which words speak of an option: `/size/height` is `size.height`. */
const nameOf = (pointer) => pointer.slice(1).replaceAll("/", ".");

function control(one, given) {
  const name = nameOf(one.pointer);
  if (one.kind === "toggle") return toggle(one, name, given);
  const value = given ?? (one.needed ? null : one.standard);
  const input = one.kind === "choice" ? select(choices(one, name), one.options.includes(String(value)) ? String(value) : "") : written(one, value);
  const hint = has(`option.${name}.hint`) ? t(`option.${name}.hint`) : null;
  return { value: () => read(one, input), element: field({ label: t(`option.${name}`), hint, pointer: one.faults ?? one.pointer, optional: !one.needed }, input) };
}

function toggle(one, name, given) {
  const { element, input } = checkbox(t(`option.${name}`), given ?? one.standard);
  const value = () => (input.checked === one.standard ? undefined : input.checked);
  return { value, element: h("div", { class: "field", "data-pointer": one.pointer }, element, h("p", { class: "error", role: "alert" })) };
}

function choices(one, name) {
  const left = has(`option.${name}.auto`) ? t(`option.${name}.auto`) : t("option.auto");
  const none = one.standard === undefined ? [["", one.needed ? t("option.choose") : left]] : [];
  return [...none, ...one.options.map((value) => [value, t(`choice.${value}`)])];
}

function written({ kind, share }, value) {
  const shown = kind === "list" && Array.isArray(value) ? value.join(", ") : share && typeof value === "number" ? String(Number((100 * value).toFixed(4))) : String(value ?? "");
  return text(shown, kind === "number" ? { inputmode: "decimal" } : {});
}

/** The value of a field, or undefined where the service's own choice stands. */
function read({ kind, share, standard, numeric, always }, input) {
  const typed = input.value.trim();
  if (typed === "" || (typed === String(standard) && !always)) return undefined;
  if (kind === "list") return typed.split(",").map((part) => part.trim()).filter(Boolean);
  if (kind === "number" || numeric) return Number.isNaN(Number(typed)) ? typed : Number(typed) / (share ? 100 : 1);
  return { true: true, false: false }[typed] ?? typed;
}

function at(document, pointer) {
  return pointer.slice(1).split("/").reduce((part, key) => part?.[key], document);
}

function put(document, pointer, value) {
  if (value === undefined) return document;
  const [key, ...rest] = pointer.slice(1).split("/");
  const inner = rest.length ? put(document[key] ?? {}, `/${rest.join("/")}`, value) : value;
  return { ...document, [key]: inner };
}

/** One document over another: objects are merged, everything else is replaced. */
export function merged(under, over) {
  const plain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  if (!plain(under) || !plain(over)) return over;
  return Object.entries(over).reduce((all, [key, value]) => ({ ...all, [key]: key in all ? merged(all[key], value) : value }), under);
}

/** What a document says beyond the fields: what an earlier version was given, without what stands empty. */
export function beyond(descriptions, given) {
  const pointers = descriptions.map(({ pointer }) => pointer);
  const walk = (value, pointer) => {
    if (pointers.includes(pointer)) return undefined;
    const above = pointers.some((one) => one.startsWith(`${pointer}/`));
    if (value === null || typeof value !== "object" || Array.isArray(value)) return isEmpty(value) && !above ? undefined : value;
    const kept = Object.entries(value).map(([key, inner]) => [key, walk(inner, `${pointer}/${key}`)]).filter(([, inner]) => inner !== undefined);
    return kept.length ? Object.fromEntries(kept) : undefined;
  };
  return walk(given, "") ?? {};
}

const isEmpty = (value) => value === null || value === "" || (Array.isArray(value) && !value.length);
