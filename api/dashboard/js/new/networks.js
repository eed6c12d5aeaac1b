/** Who teaches and who learns: architectures with their options, models of the registry, trees, or a budget. */

import { h, fill, redraw } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { t } from "../lib/text.js";
import { field, select, text } from "../ui/form.js";
import { more, section } from "./section.js";

const EPOCHS = 20;
const FOLLOWS = ["in_channels", "width"]; // the data's, or a field of its own

/** Kind of teacher -> what a spec of it begins with. */
const TEACHERS = {
  trained: ({ pair }) => ({ architecture: pair.teacher ?? "", train: { epochs: EPOCHS } }),
  model: ({ models }) => ({ id: models[0]?.id ?? "" }),
  trees: () => ({ trees: {} }),
  none: () => undefined,
};

const STUDENTS = {
  architecture: ({ pair }) => ({ architecture: pair.student ?? "" }),
  auto: () => ({ auto: { params_at_most: 20_000 } }),
};

function teacherKind(teacher) {
  if (!teacher) return "none";
  if (teacher.trees) return "trees";
  return teacher.id !== undefined ? "model" : "trained";
}

const studentKind = (student) => (student?.auto ? "auto" : "architecture");

export function teacherPart(draft, known, form) {
  const bodies = {
    trained: () => {
      const { fields, options } = network(draft, known, form, "/teacher");
      fields.append(form.field("/teacher/train", "epochs"));
      return [fields, more(options, form.field("/teacher", "classes"), form.fields("/teacher/train", undefined, ["epochs"]))];
    },
    model: () => [modelFields(draft, known, "/teacher"), more(form.field("/teacher", "train"), form.field("/teacher", "gate"))],
    trees: () => [form.fields("/teacher/trees"), more(form.field("/teacher", "gate"))],
    none: () => [],
  };
  const kinds = { trained: t("teacher.trained"), model: t("teacher.model"), trees: t("teacher.trees"), none: t("teacher.none") };
  if (!known.models.length) delete kinds.model;
  return part({ draft, known, pointer: "/teacher", title: t("new.teacher"), label: t("teacher.kind"), kinds, kindOf: teacherKind, bodies, begins: TEACHERS });
}

export function studentPart(draft, known, form) {
  const rest = (options = null) => more(options, known.models.length > 0 && initField(draft, known), form.fields("/student", undefined, ["architecture", "width", "options", "auto", "init"]));
  const bodies = {
    architecture: () => {
      const { fields, options } = network(draft, known, form, "/student");
      return [fields, rest(options)];
    },
    auto: () => [form.fields("/student/auto"), rest()],
  };
  const kinds = { architecture: t("student.architecture"), auto: t("student.auto") };
  return part({ draft, known, pointer: "/student", title: t("new.student"), label: t("student.kind"), kinds, kindOf: studentKind, bodies, begins: STUDENTS });
}

/** A choice of kinds, and the fields of the one that is chosen. */
function part({ draft, known, pointer, title, label, kinds, kindOf, bodies, begins }) {
  const control = select(Object.entries(kinds), kindOf(draft.get(pointer)));
  const body = h("div", { class: "stack" });
  const facts = h("p", { class: "note" });
  draft.hold("/student/auto");
  draft.hold("/teacher/trees");
  control.addEventListener("change", async () => {
    const pair = known.pair(await known.holds(draft.get("/dataset")).catch(() => null));
    draft.set(pointer, begins[control.value]({ pair, models: known.models }));
  });

  function update(plan) {
    const kind = kindOf(draft.get(pointer));
    control.value = kind;
    redraw(body, kind, bodies[kind]);
    const network = plan?.networks[pointer.slice(1)];
    redraw(facts, network, () => network && factsOf(network));
  }

  return { element: section(title, null, field({ label, pointer }, control), facts, body), update };
}

const factsOf = ({ architecture, options, parameters, macs }) => t("network.facts", {
  name: options.width ? t("network.wide", { architecture, width: options.width }) : architecture, parameters: count(parameters), macs: count(macs),
});

/** `{fields, options}`: the architecture with its width, and the options that it has; another one has others. */
function network(draft, known, form, pointer) {
  const names = h("datalist", { id: `names${pointer.replace("/", "-")}` });
  const input = text(draft.get(`${pointer}/architecture`), { list: names.id });
  const options = h("div", { class: "stack" });

  async function offer() {
    const holds = await known.holds(draft.get("/dataset")).catch(() => null);
    fill(names, known.fitting(holds).map(({ name, parameters }) => h("option", { value: name }, t("network.size", { parameters: count(parameters) }))));
  }

  async function show() {
    const name = input.value.trim();
    const info = name ? await known.architecture(name) : null;
    if (name === input.value.trim()) redraw(options, info?.family, () => info && form.fields(`${pointer}/options`, { properties: info.options }, FOLLOWS));
  }

  input.addEventListener("focus", offer);
  input.addEventListener("input", () => {
    draft.set(`${pointer}/architecture`, input.value.trim());
    show();
  });
  show();
  const fields = h("div", { class: "fields" }, field({ label: t("network.architecture"), pointer: `${pointer}/architecture`, hint: t("network.hint") }, input), names,
    form.field(pointer, "width", undefined, { description: t("network.widthHint") }));
  return { fields, options };
}

function modelFields(draft, known, pointer) {
  const control = select(known.models.map((model) => [model.id, t("data.of", { name: model.name, task: model.task })]), draft.get(`${pointer}/id`));
  const version = h("div");
  const show = () => {
    const model = known.models.find((one) => one.id === control.value);
    redraw(version, model?.id, () => model && versionField(draft, known, model, pointer));
  };
  control.addEventListener("change", () => {
    draft.set(pointer, { ...draft.get(pointer), id: control.value, version: undefined, alias: undefined });
    show();
  });
  show();
  return h("div", { class: "fields" }, field({ label: t("network.model"), pointer: `${pointer}/id` }, control), version);
}

/** A version by its number, or whichever an alias points at. */
function versionField(draft, known, model, pointer) {
  const aliases = Object.keys(model.aliases).map((alias) => [`@${alias}`, alias]);
  const control = select([["", t("data.newest", { n: model.latest })], ...(aliases.length ? [[t("network.aliases"), aliases]] : [])], "");
  const chosen = () => (draft.get(`${pointer}/alias`) ? `@${draft.get(`${pointer}/alias`)}` : draft.get(`${pointer}/version`) ?? "");
  control.value = chosen();
  control.addEventListener("change", () => {
    const alias = control.value.startsWith("@") ? control.value.slice(1) : undefined;
    draft.set(pointer, { ...draft.get(pointer), alias, version: alias || !control.value ? undefined : Number(control.value) });
  });
  known.versions(model).then((versions) => {
    control.append(...versions.map(({ number }) => h("option", { value: number }, t("data.version", { n: number }))));
    control.value = chosen();
  }, () => {});
  return field({ label: t("data.which"), pointer: `${pointer}/version` }, control);
}

function initField(draft, known) {
  const control = select([["", t("student.random")], ...known.models.map((model) => [model.id, model.name])], draft.get("/student/init/id") ?? "");
  control.addEventListener("change", () => draft.set("/student/init", control.value ? { id: control.value } : undefined));
  return field({ label: t("student.init"), pointer: "/student/init" }, control);
}
