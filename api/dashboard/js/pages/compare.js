/** Several jobs side by side: how they learn, what they cost, what their seeds say together, what their specs differ in. */

import { fill, h, redraw } from "../lib/dom.js";
import { poll } from "../lib/poll.js";
import { t } from "../lib/text.js";
import { chooser } from "../compare/chooser.js";
import { choice } from "../compare/choice.js";
import { curves } from "../compare/curves.js";
import { grouped, setsOf, single } from "../compare/groups.js";
import { seeds } from "../compare/seeds.js";
import { MOST, chosen, selected } from "../compare/selection.js";
import { specs } from "../compare/specs.js";
import { Comparison } from "../compare/state.js";
import { strip } from "../compare/strip.js";
import { tradeoff } from "../compare/tradeoff.js";
import { announce } from "../ui/announce.js";
import { copyButton } from "../ui/copy.js";
import { pageHead } from "../ui/listpage.js";
import { skeleton } from "../ui/load.js";
import { notice, problemNotice } from "../ui/notice.js";
import { select } from "../ui/form.js";
import { showOffline } from "../ui/shell.js";
import { title } from "../router.js";

const FAILED_SECONDS = 4;

export function enter(main) {
  const page = new ComparePage(main);
  return () => page.leave();
}

class ComparePage {
  constructor(main) {
    this.main = main;
    this.state = new Comparison();
    this.scene = null;
    this.set = null;
    title(t("compare.title"));
    this.make();
    this.polling = poll((signal) => this.refresh(signal));
  }

  /** Everything that the page can show; what there is nothing for is hidden. */
  make() {
    const scene = () => this.scene;
    this.trouble = h("div", { class: "stack" });
    this.notices = h("div", { class: "stack" });
    this.lead = h("p", { class: "muted", hidden: true }, t("compare.lead"));
    this.strip = strip((job) => this.remove(job));
    this.chooser = chooser((job) => this.add(job), () => ({ ids: this.state.ids, full: this.state.isFull }));
    this.more = h("details", { class: "panel adding", on: { toggle: () => this.more.open && this.chooser.begin() } },
      h("summary", {}, t("compare.add")), this.chooser.element);
    this.seeds = choice("seeds", () => this.update());
    this.parts = [curves(scene), tradeoff(scene), seeds(scene), specs(scene)];
    const [learning, costing, ...tables] = this.parts.map(({ element }) => element);
    this.evidence = h("div", { class: "stack" }, h("div", { class: "pair" }, learning, costing), tables);
    this.waiting = h("div", {}, skeleton().at(-1));
    this.copy = copyButton(() => location.href, t("compare.copyLink"), "button");
    fill(this.main, pageHead(t("compare.title"), null, [this.seeds, this.copy]), this.trouble,
      h("div", { class: "stack comparison" }, this.lead, this.notices, this.strip.element, this.more, this.waiting, this.evidence));
    this.evidence.hidden = this.more.hidden = this.seeds.hidden = this.copy.hidden = this.strip.element.hidden = true;
  }

  async refresh(signal) {
    try {
      await this.state.refresh(signal);
    } catch (problem) {
      if (problem.name !== "AbortError") this.fail(problem);
      return FAILED_SECONDS;
    }
    if (signal.aborted) return FAILED_SECONDS;
    showOffline(false);
    redraw(this.trouble, null, () => null);
    this.update();
    return this.state.seconds;
  }

  fail(problem) {
    if (problem.status === 0) return void showOffline(true);
    this.waiting.hidden = true;
    this.more.hidden = false;
    return redraw(this.trouble, [problem.message, problem.requestId], () => problemNotice(problem, problem.errors.map(({ detail }) => h("p", {}, detail))));
  }

  /** Draw what is known now. */
  update() {
    const { entries } = this.state;
    this.waiting.hidden = true;
    this.evidence.hidden = this.copy.hidden = !entries.length;
    this.more.hidden = false;
    this.lead.hidden = entries.length > 0;
    if (!entries.length) this.offer();
    this.arrange(entries);
    this.tell();
    this.chooser.update();
    this.strip.update(entries, this.scene.owners);
    if (entries.length) for (const part of this.parts) part.update();
  }

  /** Open the choice of jobs, once: who closes it wants it closed. */
  offer() {
    this.more.open ||= !this.offered;
    this.offered = true;
  }

  /** Sort the jobs into groups and sets; the charts show one set, because one axis can hold no more. */
  arrange(entries) {
    const [groups, jobs] = [grouped(entries), single(entries)];
    this.seeds.hidden = groups.length === jobs.length;
    const members = chosen("seeds") === "together" ? groups : jobs;
    this.sets = setsOf(members);
    const set = this.sets.find(({ key }) => key === this.set) ?? this.sets[0];
    const owners = new Map(members.flatMap((member) => member.entries.map(({ job }) => [job.id, member])));
    this.scene = { groups, jobs, members, owners, set };
  }

  /** Say what is not as it was asked for. */
  tell() {
    const { lost, more, cut, entries } = this.state;
    const sets = this.sets.map(({ key, dataset, metric, size }) => [key, dataset, metric.title, size]);
    redraw(this.notices, [lost, more, cut, sets, this.scene.set?.key, entries.length], () => [
      lost.length > 0 && notice("warn", t("compare.lost", { n: lost.length, ids: lost.join(", ") })),
      more > 0 && notice("warn", t("compare.tooMany", { most: MOST, n: more })),
      cut && notice("warn", t("compare.cut", { most: MOST })),
      selected().labels && !entries.length && notice("warn", t("compare.noneLabelled")),
      sets.length > 1 && notice("warn", h("p", {}, t("compare.sets")), this.switch(sets)),
    ]);
  }

  switch(sets) {
    const words = ([, dataset, figure, n]) => t("compare.set", { dataset, title: figure, n });
    const control = select(sets.map((set) => [set[0], words(set)]), this.scene.set.key, { "aria-label": t("compare.setChoice") });
    control.addEventListener("change", () => {
      this.set = control.value;
      this.update();
      this.notices.querySelector("select").focus();
    });
    return control;
  }

  add(job) {
    if (this.state.isFull) return;
    this.state.add(job.id);
    announce(t("compare.added", { name: job.name }));
    this.chooser.focus();
    this.polling.now();
  }

  remove(job) {
    const index = this.state.entries.findIndex((entry) => entry.job.id === job.id);
    this.state.remove(job.id);
    announce(t("compare.removed", { name: job.name }));
    this.update();
    const buttons = this.strip.element.querySelectorAll("button");
    (buttons[Math.min(index, buttons.length - 1)] ?? this.more.querySelector("summary")).focus();
    this.polling.now();
  }

  leave() {
    this.polling.stop();
    this.chooser.stop();
    for (const part of this.parts) part.stop?.();
    showOffline(false);
  }
}
