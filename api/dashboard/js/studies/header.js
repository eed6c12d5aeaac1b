/** Which study this is, what it asks, how it stands, and what can be done with it. */

import { h, fill, redraw } from "../lib/dom.js";
import { moment } from "../lib/format.js";
import { t } from "../lib/text.js";
import { post, remove } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { copyButton } from "../ui/copy.js";
import { confirmed } from "../ui/dialog.js";
import { icon } from "../ui/icons.js";
import { problemNotice } from "../ui/notice.js";
import { badge, isFinal } from "../ui/status.js";
import { go } from "../router.js";

/** @param changed called when the study was changed; @returns {element, update, fail}: `fail(problem)` says what went wrong */
export function header(state, changed) {
  const [name, question, subject] = [h("h1", {}, state.study.name), h("p", { class: "question" }), h("p", { class: "muted" })];
  const [status, actions, trouble] = [h("span"), h("div", { class: "actions" }), h("div")];
  const element = h("header", { class: "jobhead" },
    h("p", { class: "crumbs note" }, h("a", { href: "/studies" }, t("nav.studies")), " / ", h("span", { class: "mono" }, state.id),
      copyButton(() => state.id, t("copy.id"), "button small plain tiny", false)),
    h("div", { class: "titleline" }, name, status, actions), question, subject, trouble);
  const fail = (problem) => redraw(trouble, [problem.message, Date.now()], () => problemNotice(problem));

  /** Ask first, then do it, and say so; the page is read again whatever came of it, unless the study is gone. */
  async function ask(what, act) {
    const words = ["title", "text", "yes"].map((word) => [word, t(`study.${what}.${word}`, { name: state.study.name })]);
    if (!(await confirmed(Object.fromEntries(words)))) return;
    redraw(trouble, null, () => null);
    try {
      await act();
      announce(t(`study.${what}.done`, { name: state.study.name }));
      if (what === "delete") return void go("/studies");
    } catch (problem) {
      fail(problem);
    }
    changed();
  }

  const does = {
    retry: () => ask("retry", () => post(`/v1/studies/${state.id}/retry`)),
    cancel: () => ask("cancel", () => post(`/v1/studies/${state.id}/cancel`)),
    delete: () => ask("delete", () => remove(`/v1/studies/${state.id}`, { "If-Match": `"${state.study.version}"` })),
  };
  const button = (what, sign) => h("button", { class: "button danger", type: "button", on: { click: does[what] } }, sign && icon(sign), t(`study.${what}.do`));

  function offered() {
    const { urls, status: now } = state.study;
    const writes = may("jobs:write");
    return [
      h("a", { class: "button", href: `${urls.results}?format=csv`, download: `${state.id}.csv` }, icon("download"), t("study.csv")),
      h("a", { class: "button", href: urls.results, download: `${state.id}.json` }, icon("download"), t("study.json")),
      writes && h("a", { class: "button", href: `/studies/new?from=${state.id}` }, icon("copy"), t("action.clone")),
      writes && now !== "cancelling" && state.lost && button("retry", "retry"),
      writes && !isFinal(now) && now !== "cancelling" && button("cancel", "stop"),
      writes && isFinal(now) && button("delete"),
    ];
  }

  function update() {
    const { study } = state;
    if (name.textContent !== study.name) fill(name, study.name);
    redraw(status, study.status, () => badge(study.status, "large"));
    redraw(question, study.question, () => study.question);
    redraw(subject, [study.dataset, study.reference, study.finished_at], () => [
      t("study.subject", { data: study.dataset, reference: study.reference, title: state.metric.title }),
      study.finished_at && ` · ${t("study.finished", { time: moment(study.finished_at) })}`]);
    const focused = actions.contains(document.activeElement);
    redraw(actions, [study.status, state.lost], offered);
    if (focused && !actions.contains(document.activeElement)) name.focus();
  }

  return { element, update, fail };
}
