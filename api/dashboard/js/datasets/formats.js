/** The formats of datasets, each with the options that are asked for by fields; all others are written as JSON. */

/** Kinds of fields: how what was typed becomes a value; `faults` is a place above, whose refusals belong to the field, too. */
const text = (pointer, more = {}) => ({ pointer, kind: "text", ...more });
const list = (pointer, more = {}) => ({ pointer, kind: "list", ...more });
const number = (pointer, more = {}) => ({ pointer, kind: "number", ...more });
const choice = (pointer, options, more = {}) => ({ pointer, kind: "choice", options, ...more });
const toggle = (pointer, more = {}) => ({ pointer, kind: "toggle", ...more });

const needed = { needed: true };
const TASKS = ["classification", "multilabel", "regression"];
const task = choice("/task", TASKS, needed);
const flip = choice("/flip", ["true", "false"]);
const classes = list("/classes");
const pixels = [number("/size/height"), number("/size/width")];
const pictures = [...pixels, choice("/size/fit", ["crop", "pad", "stretch"], { standard: "crop" }), choice("/size/color", ["rgb", "grey"]), flip];
const boxes = [...pixels, choice("/size/fit", ["pad", "stretch"], { standard: "pad" }), choice("/size/color", ["rgb", "grey"]), flip];
const reading = [choice("/reading/delimiter", ["comma", "semicolon", "tab", "pipe", "spaces"]), toggle("/reading/header", { standard: true })];
const tokenizer = (kind, lowercase) => [choice("/tokenizer/train/kind", ["wordpiece", "bpe", "characters"], { standard: kind, always: true }),
  number("/tokenizer/train/vocabulary", { standard: 8000 }), ...(lowercase ? [toggle("/tokenizer/train/lowercase", { standard: true })] : [])];

/** Format -> its fields, in the order in which they are shown. */
export const FORMATS = {
  "image-folder": pictures,
  "image-csv": [text("/image", { standard: "image" }), text("/folder"), text("/label"), text("/separator"), list("/labels"), list("/values"), text("/split"), text("/group"), ...pictures],
  "image-masks": [text("/images", { standard: "images" }), text("/masks", { standard: "masks" }), text("/mask_suffix"), classes, ...pictures],
  voc: [...boxes, choice("/first_pixel", ["1", "0"], { numeric: true, standard: "1" }), toggle("/difficult", { standard: false })],
  coco: [text("/train"), text("/validation"), text("/test"), ...boxes],
  yolo: [classes, ...boxes],
  idx: [classes, flip],
  npz: [text("/inputs", { standard: "inputs" }), text("/targets", { standard: "targets" }), text("/test_inputs"), text("/test_targets"), choice("/kind", ["image", "series", "table"]), choice("/task", TASKS), classes, flip],
  table: [task, list("/target", needed), list("/drop"), list("/categorical"), choice("/missing", ["refuse", "mean", "median"], { standard: "refuse" }), text("/split_column"), text("/group"), ...reading],
  series: [task, list("/target/columns", { faults: "/target" }), choice("/target/take", ["last", "majority", "mean", "max", "min"], { standard: "last" }), number("/window/length", { needed: true, faults: "/window" }), number("/window/stride"), text("/run"), text("/time"), list("/channels"), list("/drop"), number("/resample"), ...reading],
  text: [task, text("/text", { standard: "text" }), text("/pair"), list("/target", needed), number("/max_length", { standard: 128 }), ...tokenizer("wordpiece", true), ...reading],
  language: [number("/block", { standard: 256 }), ...tokenizer("bpe", false)],
  generation: [text("/text", { standard: "source" }), text("/target", { standard: "target" }), choice("/layout", ["encoder-decoder", "causal"], { standard: "encoder-decoder" }), number("/source_length"), number("/target_length"), ...tokenizer("bpe", false), ...reading],
};

/** What every format has: shares of splits that were not given, and what happens to damaged items. */
export const COMMON = [number("/cut/validation", { share: true }), number("/cut/test", { share: true }), number("/cut/seed", { standard: 0 }), toggle("/quarantine", { standard: false })];

/** Formats by what the examples are. */
export const GROUPS = {
  pictures: ["image-folder", "image-csv", "image-masks", "voc", "coco", "yolo", "idx", "npz"],
  rows: ["table", "series", "text", "language", "generation"],
};
