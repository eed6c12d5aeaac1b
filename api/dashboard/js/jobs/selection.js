/** Which jobs are chosen: kept by id through every refresh and every filter, until something is done with them. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { whole } from "../lib/format.js";
import { announce } from "../ui/announce.js";

export class Selection {
  /** @param changed called whenever the choice is another one */
  constructor(changed) {
    this.jobs = new Map();
    this.shown = [];
    this.changed = changed;
    this.all = h("input", { type: "checkbox", "aria-label": t("jobs.selectAll"), title: t("jobs.selectAll"), on: { change: () => this.pick(this.shown, this.all.checked) } });
    this.column = { name: "pick", silent: true, title: t("jobs.column.pick"), head: this.all, cell: (job) => [job.name, () => this.box(job)] };
  }

  /** The chosen jobs, as they were known last. */
  get list() {
    return [...this.jobs.values()];
  }

  /** These are shown now: what is known of the chosen ones is what they are now. */
  update(jobs) {
    this.shown = jobs;
    for (const job of jobs) if (this.jobs.has(job.id)) this.jobs.set(job.id, job);
    this.mark();
  }

  /** Choose these, or give them up. */
  pick(jobs, yes = true) {
    for (const job of jobs) yes ? this.jobs.set(job.id, job) : this.jobs.delete(job.id);
    announce(t("jobs.selected", { n: this.jobs.size, number: whole(this.jobs.size) }));
    this.mark();
  }

  /** Every box shows what is chosen. */
  mark() {
    for (const box of document.querySelectorAll("input[data-job]")) box.checked = this.jobs.has(box.dataset.job);
    const chosen = this.shown.filter((job) => this.jobs.has(job.id)).length;
    this.all.checked = chosen > 0 && chosen === this.shown.length;
    this.all.indeterminate = chosen > 0 && chosen < this.shown.length;
    this.changed();
  }

  box(job) {
    const box = h("input", { type: "checkbox", "data-job": job.id, "aria-label": t("jobs.select", { name: job.name }) });
    box.checked = this.jobs.has(job.id);
    box.addEventListener("change", () => this.pick([this.shown.find((one) => one.id === job.id) ?? job], box.checked));
    return box;
  }
}
