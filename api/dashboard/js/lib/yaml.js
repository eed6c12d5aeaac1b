/** JSON as YAML that a person would write: block style, and flow style for what fits on a line. */

const PLAIN = /^[A-Za-z_][A-Za-z0-9_ ./-]*$/;
const WORDS = new Set(["true", "false", "null", "yes", "no", "on", "off", "y", "n"]);
const WIDTH = 80;

/** A document that any YAML reader understands as the same data. */
export function toYaml(value) {
  return isTree(value) ? `${block(value, "").join("\n")}\n` : `${flow(value)}\n`;
}

function block(value, indent) {
  return Array.isArray(value)
    ? value.flatMap((item) => entry(`${indent}-`, item, indent))
    : Object.entries(value).flatMap(([key, item]) => entry(`${indent}${scalar(key)}:`, item, indent));
}

function entry(lead, item, indent) {
  const line = `${lead} ${flow(item)}`;
  if (!isTree(item) || (line.length <= WIDTH && depth(item) < 2)) return [line];
  const inner = `${indent}  `;
  const lines = block(item, inner);
  return lead.endsWith("-") ? [`${lead} ${lines[0].slice(inner.length)}`, ...lines.slice(1)] : [lead, ...lines];
}

const isTree = (value) => value !== null && typeof value === "object" && Object.keys(value).length > 0;

function depth(value) {
  return isTree(value) ? 1 + Math.max(...Object.values(value).map(depth)) : 0;
}

function flow(value) {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value === null || typeof value !== "object") return scalar(value);
  const pairs = Object.entries(value).map(([key, item]) => `${scalar(key)}: ${flow(item)}`);
  return `{${pairs.join(", ")}}`;
}

function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  const plain = PLAIN.test(value) && !value.endsWith(" ") && !WORDS.has(value.toLowerCase());
  return plain ? value : JSON.stringify(value);
}
