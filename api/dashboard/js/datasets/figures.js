/** Numbers of data, whatever their size: four digits that count, with powers of ten only where a plain number would be long. */

import { NONE } from "../lib/format.js";
import { locale } from "../lib/text.js";

const [LEAST, MOST] = [1e-4, 1e9];

export function figure(value) {
  if (typeof value !== "number") return NONE;
  const size = Math.abs(value);
  if (size !== 0 && (size < LEAST || size >= MOST)) return value.toExponential(2).replaceAll("-", "\u2212");
  const exact = Number.isInteger(value) ? value : Number(value.toPrecision(4));
  return exact.toLocaleString(locale, { maximumSignificantDigits: 12 }).replace("-", "\u2212");
}
