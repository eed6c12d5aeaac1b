/** Which job this is, how it stands, and what can be asked of it. */

import { h, fill, redraw, setAttribute } from "../lib/dom.js";
import { duration, moment } from "../lib/format.js";
import { t } from "../lib/text.js";
import { copyButton } from "../ui/copy.js";
import { badge, isFinal } from "../ui/status.js";
import { actions } from "./actions.js";

/** @param changed called when something was asked of the job */
export function header(state, changed) {
  const name = h("h1");
  const status = h("span", { class: "status" });
  const live = h("span", { class: "link note" });
  const subject = h("p", { class: "subject muted" });
  const id = h("span", { class: "mono" }, state.id);
  const parent = h("span");
  const buttons = actions(changed);
  const element = h("header", { class: "jobhead" },
    h("p", { class: "crumbs note" }, h("a", { href: "/jobs" }, t("nav.jobs")), " / ", id, copyButton(() => state.id, t("copy.id"), "button small plain tiny", false), parent),
    h("div", { class: "titleline" }, name, status, live, buttons.bar),
    subject,
    buttons.trouble);

  function update() {
    const { job } = state;
    if (name.textContent !== job.name) fill(name, job.name);
    redraw(status, job.status, () => badge(job.status, "large"));
    redraw(subject, [job.method, job.dataset, job.plan?.networks, job.labels, job.finished_at], () => [subjectOf(job), ended(job), labels(job)]);
    redraw(parent, [job.study_id, job.retry_of, job.clone_of], () => [place(job), origin(job.retry_of, "job.retryOf"), origin(job.clone_of, "job.cloneOf")]);
    showLink(isFinal(job.status) ? "ended" : state.link);
    buttons.update(job);
  }

  function origin(of, words) {
    return of && [" · ", h("a", { href: `/jobs/${of}` }, t(words))];
  }

  function place({ study_id: study, study_arm: arm, study_seed: seed }) {
    if (!study) return null;
    const teacher = arm.startsWith(":"); // one that the study trains once for its arms
    const words = teacher ? t("job.studyTeacher", { study, teacher: arm.slice(1), seed }) : t("job.studyArm", { study, arm, seed });
    return [" · ", h("a", { href: `/studies/${study}` }, words)];
  }

  function showLink(link) {
    live.hidden = link === "ended" || link === "paused";
    setAttribute(live, "data-link", link);
    redraw(live, link, () => [h("span", { class: "dot" }), t(`link.${link}`)]);
  }

  return { element, update };
}

/** `resnet20 teaches resnet8 (width 0.5) · method fitnet · data digits`. */
function subjectOf(job) {
  const { teacher, student } = job.plan?.networks ?? {};
  const networks = teacher ? t("job.teaches", { teacher: network(teacher), student: network(student) }) : student && network(student);
  return [networks, t("job.method", { method: job.method }), t("job.data", { data: job.dataset }), labelled(job.plan)].filter(Boolean).join(" · ");
}

function ended(job) {
  return job.finished_at && ` · ${t("job.ended", { time: moment(job.finished_at), took: duration(tookSeconds(job)) })}`;
}

/** Seconds from the first start to the end, pauses included. */
export const tookSeconds = (job) => (Date.parse(job.finished_at) - Date.parse(job.started_at ?? job.created_at)) / 1000;

/** Few labels for the student are the point of such a job. */
function labelled(plan) {
  const labels = plan?.spec?.student?.labels;
  return labels ? t("job.labels", { n: labels }) : null;
}

const UNSAID = new Set(["in_channels"]); // follows the data

/** An architecture with what was chosen for it. */
export function network({ architecture, options = {} }) {
  const chosen = Object.entries(options).filter(([name]) => !UNSAID.has(name)).map(([name, value]) => `${name} ${value}`);
  return chosen.length ? `${architecture} (${chosen.join(", ")})` : architecture;
}

function labels(job) {
  return Object.entries(job.labels ?? {}).map(([name, value]) => h("span", { class: "label" }, value ? `${name}: ${value}` : name));
}
