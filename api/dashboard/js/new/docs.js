/** The words of a JSON schema: what it says of each field, and which values it lets through. */

import { has, locale, t } from "../lib/text.js";

const NO_BOUND = 2 ** 31 - 1; // what a machine can count, and nothing that a reader wants to know
const FIELDS = /\n\nAttributes:\n/;
const ENTRY = /^ {4}(\w[\w, ]*): (.*)$/;

/** Field -> its description, as the schema's own text lists them. */
export function describedFields({ description = "" }) {
  const found = new Map();
  let names = [];
  for (const line of (description.split(FIELDS)[1] ?? "").split("\n")) {
    const [, fields, words] = ENTRY.exec(line) ?? [];
    names = fields ? fields.split(", ") : names;
    for (const name of names) found.set(name, [found.get(name), words ?? line.trim()].filter(Boolean).join(" "));
  }
  return new Map([...found].map(([name, words]) => [name, plain(words)]));
}

/** A schema's text without its marks, as a sentence. */
function plain(words) {
  const text = words.replaceAll("``", "").trim();
  const first = words.startsWith("``") ? text.charAt(0) : text.charAt(0).toUpperCase(); // a name keeps its case
  return first + text.slice(1).replace(/[.;:]$/, "") + (text ? "." : "");
}

/** How a field is called: in our words, or in the schema's. */
export function titleOf(name, schema) {
  if (has(`word.${name}`)) return t(`word.${name}`);
  const title = (schema.title ?? name).replaceAll("_", " ");
  return title.charAt(0).toUpperCase() + title.slice(1).toLowerCase();
}

/** The bounds of a number in words, or null. */
export function boundsOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const [low, high] = [minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum];
  const [least, most] = [minimum !== undefined, maximum !== undefined];
  const values = { low: low?.toLocaleString(locale), high: high?.toLocaleString(locale) };
  if (low === undefined && high === undefined) return null;
  if (low === undefined) return t(most ? "bounds.most" : "bounds.below", values);
  if (high === undefined || high >= NO_BOUND) return t(least ? "bounds.least" : "bounds.above", values);
  if (least) return t(most ? "bounds.between" : "bounds.toBelow", values);
  return t(most ? "bounds.aboveTo" : "bounds.inside", values);
}

/** Follow references, and see through a choice between something and nothing. */
export function resolved(schema, root) {
  const named = schema.$ref ? { ...root.$defs?.[schema.$ref.split("/").at(-1)], ...("default" in schema && { default: schema.default }) } : schema;
  const choices = named.anyOf ?? named.oneOf;
  const some = choices?.filter((choice) => choice.type !== "null");
  if (!choices || some.length !== 1 || some.length === choices.length) return { schema: named, nullable: false };
  const inner = resolved(some[0], root).schema;
  const { anyOf, oneOf, ...outer } = named;
  return { schema: { ...inner, ...outer }, nullable: true };
}
