/** The dataset: one that is built in, or one of the project with the version that counts. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { whole } from "../lib/format.js";
import { field, select } from "../ui/form.js";
import { fits } from "./known.js";
import { presetOf } from "./draft.js";
import { more, section } from "./section.js";

const BUILTIN = "builtin:";
const EPOCHS = 20;

/** @param form the `SchemaForm` of the job */
export function dataPart(draft, known, form) {
  const { name, id } = draft.get("/dataset") ?? {};
  const control = select(choices(known), name ? BUILTIN + name : id ?? "");
  const version = h("div");
  control.addEventListener("change", () => {
    const { splits, limit } = draft.get("/dataset") ?? {};
    const value = control.value;
    const chosen = value.startsWith(BUILTIN) ? { name: value.slice(BUILTIN.length) } : { id: value };
    draft.set("/dataset", { ...chosen, ...(splits && { splits }), ...(limit && { limit }) });
    suit(draft, known);
  });

  function update(plan) {
    const dataset = known.brought.find((one) => one.id === draft.get("/dataset/id"));
    redraw(version, dataset?.id, () => dataset && versionField(draft, known, dataset));
    redraw(facts, plan?.dataset, () => plan && factsOf(plan.dataset));
  }

  const facts = h("p", { class: "note" });
  const element = section(t("data.title"), null, field({ label: t("data.dataset"), pointer: "/dataset" }, control), version, facts,
    more(form.fields("/dataset", undefined, ["name", "id", "version"])));
  return { element, update };
}

function choices({ builtin, brought }) {
  const own = brought.map((dataset) => [dataset.id, t("data.of", { name: dataset.name, task: dataset.task })]);
  const ours = builtin.map((dataset) => [BUILTIN + dataset.name, dataset.title === dataset.name ? dataset.name : t("data.of", { name: dataset.name, task: dataset.title })]);
  return [["", t("data.none")], ...(own.length ? [[t("data.brought"), own]] : []), [t("data.builtin"), ours]];
}

function versionField(draft, known, dataset) {
  const control = select([["", t("data.newest", { n: dataset.latest })]], "");
  control.addEventListener("change", () => draft.set("/dataset/version", control.value ? Number(control.value) : undefined));
  known.versions(dataset).then((versions) => {
    control.append(...versions.map(({ number }) => h("option", { value: number }, t("data.version", { n: number }))));
    control.value = draft.get("/dataset/version") ?? "";
  }, () => {});
  return field({ label: t("data.which"), pointer: "/dataset/version" }, control);
}

function factsOf({ task, input, counts, target }) {
  return t("data.facts", { task, input: input.kind, shape: input.shape.join(" × "), classes: whole(target.classes?.length || 0),
    train: whole(counts.train), validation: whole(counts.validation), test: whole(counts.test) });
}

/** Other data may need other networks, another method, and no longer what was said about the old examples. */
export async function suit(draft, known) {
  const holds = await known.holds(draft.get("/dataset")).catch(() => null);
  if (!holds) return;
  draft.refit((spec) => {
    delete spec.student?.labels;
    if (spec.training?.batch_size > holds.train / 2) spec.training.batch_size = 2 ** Math.floor(Math.log2(holds.train / 4));
    if (!networksSuit(spec, known, holds)) otherNetworks(spec, known, holds);
  });
}

/** A name that is not listed may be of a family's pattern: whether that suits, the plan will say. */
function networksSuit(spec, known, holds) {
  const fitting = new Set(known.fitting(holds).map(({ name }) => name));
  const listed = new Set(known.architectures.map(({ name }) => name));
  return [spec.student, spec.teacher].every((network) => !listed.has(network?.architecture) || fitting.has(network.architecture));
}

function otherNetworks(spec, known, holds) {
  const pair = known.pair(holds);
  const preset = presetOf(spec);
  spec.student = { architecture: pair.student };
  if (spec.teacher?.architecture) spec.teacher = { architecture: pair.teacher, train: { epochs: spec.teacher.train?.epochs ?? EPOCHS } };
  if (preset && !fits(known.method(preset) ?? { kinds: [] }, holds)) spec.method = known.methods.find((one) => fits(one, holds) && one.needs.includes("teacher")).name;
  delete spec.training?.augment;
}
