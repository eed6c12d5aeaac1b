/** The same order without this page: as a file, as a request, as a program, and on the command line. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { toYaml } from "../lib/yaml.js";
import { copyButton } from "../ui/copy.js";
import { tabs } from "../ui/tabs.js";

/** Text between single quotes as a shell reads it. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A mark that no line of the document is. */
const markFor = (text) => (text.split("\n").includes("SPEC") ? "END_OF_SPEC" : "SPEC");

/** How each kind of document is sent: to which path, by which method of the client, by which command. */
export const JOB = { path: "/v1/jobs", method: "submit", name: "job", command: "distill submit - --watch" };
export const STUDY = { path: "/v1/studies", method: "create_study", name: "study", command: "distill study submit - --watch" };

const FORMS = {
  yaml: toYaml,
  curl: (spec, { path }) => [
    `curl ${location.origin}${path} \\`,
    '  -H "Authorization: Bearer $DISTILLERY_API_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d ${quoted(JSON.stringify(spec, null, 2))}`,
  ].join("\n"),
  python: (spec, { method, name }) => [
    "from distillery import Client", "", `with Client("${location.origin}") as client:  # the key is read from DISTILLERY_API_KEY`,
    `    ${name} = client.${method}(${python(spec, "    ")})`, `    print(${name}["id"])`,
  ].join("\n"),
  shell: (spec, { command }) => {
    const text = toYaml(spec);
    const mark = markFor(text);
    return `${command} <<'${mark}'\n${text}${mark}`;
  },
};

/** @param draft has the document as `spec`; `kind` says what it is */
export function copies(draft, kind = JOB) {
  const text = (name) => FORMS[name](draft.spec, kind);
  const show = (name) => [h("pre", { class: "code", tabindex: 0, "aria-label": t(`copies.${name}`) }, text(name)), copyButton(() => text(name))];
  const view = tabs({ label: t("copies.title"), tabs: Object.keys(FORMS).map((name) => ({ name, face: t(`copies.${name}`) })), show });
  return { element: h("section", { class: "panel copies" }, h("header", {}, h("h2", {}, t("copies.title"))), view.element), update: view.update };
}

/** JSON as a literal of Python. */
function python(value, indent = "") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const flat = Array.isArray(value)
    ? `[${value.map((item) => python(item)).join(", ")}]`
    : `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item)}`).join(", ")}}`;
  if (flat.length < 80 && !flat.includes("\n")) return flat;
  const inner = `${indent}    `;
  const items = Array.isArray(value) ? value.map((item) => python(item, inner)) : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${indent}${close}`;
}
