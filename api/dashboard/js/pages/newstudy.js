/** A new study: its spec is written as text, planned with count and cost after each change, and submitted. */

import { fill, h, redraw } from "../lib/dom.js";
import { roughly, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { get, post } from "../net/api.js";
import { may } from "../net/session.js";
import { copies, STUDY } from "../new/copies.js";
import { Planner } from "../new/planner.js";
import { StudyDraft } from "../studies/draft.js";
import { editor } from "../studies/editor.js";
import { planView } from "../studies/planview.js";
import { announce } from "../ui/announce.js";
import { icon } from "../ui/icons.js";
import { pageHead } from "../ui/listpage.js";
import { load } from "../ui/load.js";
import { notice, problemNotice } from "../ui/notice.js";
import { showOffline } from "../ui/shell.js";
import { go, title } from "../router.js";

export function enter(main) {
  const page = new NewStudy(main);
  page.begin();
  return () => page.leave();
}

class NewStudy {
  constructor(main) {
    this.main = main;
    this.left = new AbortController();
    this.draft = new StudyDraft(location.search);
    this.planner = new Planner(this.draft, (answer) => this.take(answer), "/v1/studies:plan");
    this.answer = {};
  }

  async begin() {
    title(t("newstudy.title"));
    const from = new URLSearchParams(location.search).get("from");
    const read = async (signal) => (from ? specFrom(from, signal) : {});
    const spec = await load(this.main, read, this.left.signal, { heading: t("newstudy.noOrigin"), text: t("newstudy.noOriginText"), back: ["/studies/new", t("studies.new")] });
    if (!spec) return;
    if (!this.draft.restore() && from) this.draft.begin(spec);
    this.draw();
    this.draft.listener = () => this.changed();
    this.changed();
  }

  draw() {
    [this.editor, this.plan, this.copies] = [editor(this.draft), planView(), copies(this.draft, STUDY)];
    [this.state, this.trouble] = [h("p", { class: "planstate" }), h("div", { class: "stack" })];
    this.button = h("button", { class: "button primary", type: "button", on: { click: () => this.submit() } }, icon("play"), t("newstudy.submit"));
    fill(this.main, pageHead(t("newstudy.title"), t("newstudy.lead")), !may("jobs:write") && notice("warn", t("newstudy.mayNot")),
      h("div", { class: "newstudy" }, this.editor.element, h("div", { class: "stack" }, this.trouble, this.plan.element, this.copies.element)),
      h("div", { class: "submitbar" }, this.state, this.button));
    const heading = this.main.querySelector("h1");
    heading.focus({ preventScroll: true });
  }

  changed() {
    this.editor.update();
    this.copies.update();
    this.answer = { ...this.answer, stale: true };
    this.tell();
    if (this.draft.fault) this.planner.stop();
    else this.planner.soon();
  }

  /** Only an answer to what is written now counts. */
  take(answer) {
    if (!answer.plan && !answer.problem) return;
    const before = this.ready;
    this.answer = answer;
    const { plan, problem } = answer;
    showOffline(problem?.status === 0);
    const faults = problem ? problem.errors : plan.problems.map(({ pointer, message }) => ({ pointer, detail: message }));
    this.editor.complain(faults ?? []);
    redraw(this.trouble, [problem?.message, faults?.length], () => problem && problem.status !== 0 && !faults?.length && problemNotice(problem));
    this.plan.update(plan);
    this.tell();
    if (before !== this.ready) announce(t(this.ready ? "newstudy.ready" : "newstudy.refused"));
  }

  get ready() {
    const { plan, stale } = this.answer;
    return Boolean(plan && !stale && !plan.problems.length && !this.draft.fault);
  }

  tell() {
    this.button.disabled = !this.ready || !may("jobs:write");
    const { plan, problem, stale } = this.answer;
    redraw(this.state, [plan?.jobs, plan?.seconds, plan?.problems, problem?.message, stale, this.draft.fault], () => this.said());
  }

  said() {
    const { plan, problem, stale } = this.answer;
    if (this.draft.fault) return [h("span", { class: "badge bad" }, icon("failed"), t("newstudy.refused"))];
    if (stale || (!plan && !problem)) return h("span", { class: "note" }, t("new.planning"));
    if (problem?.status === 0) return h("span", { class: "note" }, t("problem.offline"));
    const cost = plan && h("span", { class: "note" }, t("newstudy.costs", { jobs: whole(plan.jobs), time: roughly(plan.seconds) }));
    const fine = plan && !plan.problems.length;
    return [h("span", { class: `badge ${fine ? "good" : "bad"}` }, icon(fine ? "succeeded" : "failed"), t(fine ? "newstudy.ready" : "newstudy.refused")), cost];
  }

  async submit() {
    this.button.disabled = true;
    try {
      const study = await post("/v1/studies", this.draft.spec, { "Idempotency-Key": this.draft.key() });
      this.draft.forget();
      await go(`/studies/${study.id}`);
    } catch (problem) {
      this.take({ problem });
    }
  }

  leave() {
    this.left.abort();
    this.planner.stop();
    showOffline(false);
  }
}

/** The spec of another study, or one that asks of a job whether it was luck. */
async function specFrom(id, signal) {
  if (id.startsWith("std_")) return (await get(`/v1/studies/${encodeURIComponent(id)}`, { signal })).spec;
  const { name, spec: { name: _name, labels: _labels, ...base } } = await get(`/v1/jobs/${encodeURIComponent(id)}`, { signal });
  return { name, question: "", base: withoutSeed(base), seeds: 3 };
}

/** The seeds of a study are its own. */
function withoutSeed({ training, ...base }) {
  if (!training) return base;
  const { seed: _seed, ...rest } = training;
  return { ...base, training: rest };
}
