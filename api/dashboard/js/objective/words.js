/** A term of an objective in words: what is compared, how far apart it is, and how much that counts. */

import { t } from "../lib/text.js";

/** Options that say nothing a reader would miss. */
const SILENT = new Set([null, undefined, false]);

const plain = (name) => name.replaceAll("_", " ");

/** A number, a ramp, or something that is learned. */
export function quantity(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(4)));
  if (value && typeof value === "object" && "from" in value) return t("objective.ramp", { from: quantity(value.from), to: quantity(value.to) });
  if (value && typeof value === "object" && value.kind) return plain(value.kind);
  if (value === true) return t("objective.yes");
  return Array.isArray(value) ? value.map(quantity).join(", ") : plain(String(value));
}

/** `kl, temperature 4`: a piece with what was chosen for it. */
export function pieceWords({ kind, options }) {
  const chosen = Object.entries(options).filter(([, value]) => !SILENT.has(value));
  return [plain(kind), ...chosen.map(([name, value]) => `${plain(name)} ${quantity(value)}`)].join(", ");
}

/** The few words that stand on a line of the picture. */
export function brief({ distance, weight }) {
  const { temperature } = distance.options;
  const heat = temperature === undefined || temperature === null || temperature === 1 ? null : t("objective.heat", { temperature: quantity(temperature) });
  const times = weight === 1 ? null : t("objective.times", { weight: quantity(weight) });
  return [plain(distance.kind), heat, times].filter(Boolean).join(" · ");
}

/** The networks that a term follows. */
export const sourcesOf = ({ council, source }) => (council.length ? council : [source]);

/** Where a term looks, pair by pair, and how many pairs there are. */
export function placesOf({ pairs }) {
  if (!pairs.length) return t("objective.outputs");
  const [first] = pairs;
  const one = ({ to, source }) => (to === source ? to : t("objective.pair", { to, source }));
  return pairs.length < 4 ? pairs.map(one).join("; ") : t("objective.pairs", { n: pairs.length, first: one(first), last: one(pairs.at(-1)) });
}
