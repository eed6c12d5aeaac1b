/** A new job: one spec is written by a form or as text, planned after each change, seen as a picture, and submitted. */

import { h, fill } from "../lib/dom.js";
import { mergePatch } from "../lib/patch.js";
import { t } from "../lib/text.js";
import { get, post } from "../net/api.js";
import { may } from "../net/session.js";
import { copies } from "../new/copies.js";
import { dataPart, suit } from "../new/data.js";
import { Draft } from "../new/draft.js";
import { expert } from "../new/expert.js";
import { known } from "../new/known.js";
import { methodPart } from "../new/method.js";
import { studentPart, teacherPart } from "../new/networks.js";
import { originPart } from "../new/origin.js";
import { planView } from "../new/planview.js";
import { Planner } from "../new/planner.js";
import { SchemaForm } from "../new/schema.js";
import { submitBar } from "../new/submit.js";
import { jobPart, trainingPart } from "../new/training.js";
import { objectiveView } from "../objective/view.js";
import { announce } from "../ui/announce.js";
import { placeFaults } from "../ui/form.js";
import { pageHead } from "../ui/listpage.js";
import { load } from "../ui/load.js";
import { notice } from "../ui/notice.js";
import { showOffline } from "../ui/shell.js";
import { tabs } from "../ui/tabs.js";
import { go, title } from "../router.js";

const PARTS = [dataPart, teacherPart, studentPart, methodPart, trainingPart, jobPart];

export function enter(main) {
  const page = new NewJob(main);
  page.begin();
  return () => page.leave();
}

class NewJob {
  constructor(main) {
    this.main = main;
    this.left = new AbortController();
    this.draft = new Draft(location.search);
    this.planner = new Planner(this.draft, (answer) => this.take(answer));
    this.answer = {};
    this.parts = [];
  }

  async begin() {
    title(t("new.title"));
    const query = new URLSearchParams(location.search);
    const read = (signal) => Promise.all([known(signal), query.get("from") ? get(`/v1/jobs/${query.get("from")}`, { signal }) : null]);
    const found = await load(this.main, read, this.left.signal, { heading: t("new.noParent"), text: t("new.noParentText"), back: ["/new", t("new.begin")] });
    if (!found) return;
    [this.known, this.parent] = found;
    this.draft.dataNames = new Map(this.known.brought.map(({ id, name }) => [id, name]));
    if (!this.draft.restore()) await this.prefill(query);
    if (this.left.signal.aborted) return;
    this.draw();
    this.draft.onChange((whole) => this.changed(whole));
    this.planner.now();
  }

  /** What the address asks for; a version is that of the one thing that it names. */
  async prefill(query) {
    const [dataset, version, teacher, method] = ["dataset", "version", "teacher", "method"].map((name) => query.get(name));
    const exactly = (id) => ({ id, ...(version && { version: Number(version) }) });
    if (this.parent) this.draft.replace(structuredClone(this.parent.spec));
    if (dataset) this.draft.set("/dataset", dataset.startsWith("ds_") ? exactly(dataset) : { name: dataset });
    if (dataset) await suit(this.draft, this.known);
    if (teacher) this.draft.set("/teacher", exactly(teacher));
    if (method) this.draft.set("/method", method);
  }

  draw() {
    this.plan = planView();
    this.objective = objectiveView();
    this.copies = copies(this.draft);
    this.origin = originPart(this.draft, this.parent);
    this.bar = submitBar(() => this.submit(), () => this.startOver());
    this.views = tabs({ label: t("new.views"), kind: "views", show: (name) => this.written(name), changed: () => this.planner.soon(),
      tabs: [{ name: "form", face: t("new.form") }, { name: "json", face: t("new.json") }] });
    this.form = h("form", { class: "written", novalidate: true, on: { submit: (event) => event.preventDefault() } }, this.views.element);
    fill(this.main, pageHead(t("new.title"), t("new.lead")), !may("jobs:write") && notice("warn", t("new.mayNot")),
      h("div", { class: "newjob" }, h("div", { class: "stack" }, this.origin.element, this.form),
        h("div", { class: "seen stack" }, h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("objective.title"))), this.objective.element), this.plan.element, this.copies.element)),
      this.bar.element);
    this.update();
    const heading = this.main.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }

  /** The form, or the text; both write the one draft. */
  written(view) {
    this.parts = [];
    if (view === "json") return expert(this.draft);
    const form = new SchemaForm(this.draft, this.known.schema);
    this.parts = PARTS.map((part) => part(this.draft, this.known, form));
    for (const part of this.parts) part.update(this.answer.plan);
    return h("div", { class: "stack" }, this.parts.map((part) => part.element));
  }

  changed(whole) {
    if (whole && this.parts.length) this.redrawForm();
    this.update();
    this.planner.soon();
  }

  /** Every field anew, and the focus where it was. */
  redrawForm() {
    const pointer = document.activeElement.closest("[data-pointer]")?.dataset.pointer;
    this.views.update();
    const place = [...this.form.querySelectorAll("[data-pointer]")].find(({ dataset }) => dataset.pointer === pointer);
    place?.querySelector("input, select, textarea")?.focus();
  }

  /** Draw what follows from the draft and from the latest plan. */
  update() {
    for (const part of this.parts) part.update(this.answer.plan);
    this.copies.update();
    this.origin.update();
  }

  take(answer) {
    if (!answer.plan && !answer.problem) return this.bar.update({});
    this.tell(answer);
    this.answer = { ...answer, plan: answer.plan ?? this.answer.plan };
    showOffline(answer.problem?.status === 0);
    this.complain(answer.problem ?? { errors: [] }, { quiet: true }, answer);
    this.objective.update(answer.plan);
    this.bar.update(answer);
    return this.update();
  }

  /** Whether it can be submitted is news when it changes. */
  tell({ problem }) {
    if (this.answer.plan && problem?.status !== 0 && Boolean(problem) !== Boolean(this.answer.problem)) announce(t(problem ? "new.refused" : "new.ready"));
  }

  /** Each fault at its field; what lies behind a step more is opened for it. */
  complain(problem, how, answer) {
    const lost = placeFaults(this.form, problem, how);
    for (const control of this.form.querySelectorAll("[aria-invalid]")) {
      for (let box = control.closest("details:not([open])"); box; box = box.parentElement.closest("details:not([open])")) box.open = true;
    }
    this.plan.update(answer, lost);
  }

  async submit() {
    const { draft, parent } = this;
    const headers = { "Idempotency-Key": draft.key() };
    try {
      const job = await (parent ? post(`/v1/jobs/${parent.id}/clone`, mergePatch(parent.spec, draft.spec), headers) : post("/v1/jobs", draft.spec, headers));
      draft.forget();
      return await go(`/jobs/${job.id}`);
    } catch (problem) {
      if (problem.status === 0) return this.planner.now(); // it says that the service is away, and when it is back
      this.complain(problem, { quiet: true }, { problem });
      return this.complain(problem, {}, { problem });
    }
  }

  startOver() {
    this.draft.replace(this.parent ? structuredClone(this.parent.spec) : undefined);
  }

  leave() {
    this.left.abort();
    this.planner.stop();
    showOffline(false);
  }
}
