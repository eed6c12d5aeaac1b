/** What an example is, in words: pictures of so many pixels, windows of so many samples. */

import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";

/** The kind and shape of inputs, such as `grey pictures, 28 × 28 pixels`. */
export function shapeOf({ kind, shape }) {
  const [first, ...rest] = shape;
  const name = kind === "image" ? ({ 1: "grey", 3: "colour" }[first] ?? "image") : kind;
  return t(`datasets.input.${name}`, { n: first, number: whole(first), length: whole(rest[0]), size: rest.map(whole).join(" × ") });
}

/** Examples of all splits. */
export const total = (examples) => Object.values(examples).reduce((sum, number) => sum + number, 0);

export const SPLITS = ["train", "validation", "test"];

/** The splits that there are, in the order in which people name them. */
export const splitsOf = (splits) => SPLITS.filter((split) => split in splits);
