/** What a pilot decided: go or no-go, why, what each plan would cost and bring; and the buttons of who may decide. */

import { h, fill, redraw } from "../lib/dom.js";
import { moment, roughly, whole } from "../lib/format.js";
import { difference, named } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { post } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { confirmed } from "../ui/dialog.js";
import { icon } from "../ui/icons.js";
import { problemNotice, sentence } from "../ui/notice.js";
import { scroller } from "../ui/scroll.js";
import { reach } from "./arms.js";
import { APPROVAL, seedsOf } from "./columns.js";

/** @param changed called when something was decided; @returns {element, update} */
export function decision(state, changed) {
  const [said, plans, actions, trouble, past] = [h("div", { class: "stack" }), scroller(), h("div", { class: "actions" }), h("div"), h("div")];
  const head = h("h2");
  const element = h("section", { class: "panel decision stack" }, h("header", {}, head), said, plans, trouble, actions, past);
  let chosen = "standard";

  function update() {
    const { decision: found, approval, history, status, version, kind } = state.study;
    element.hidden = kind !== "pilot" || (!found && !history.length);
    if (element.hidden) return;
    redraw(head, found?.outcome, () => (found ? outcome(found) : t("decision.again")));
    redraw(said, [found, approval], () => [found && reasons(found), approval && approved(approval, found)]);
    redraw(plans, [found, waits(), approval], () => found && table(found, waits() && may("jobs:write") ? choice : (name) => name === approval?.plan && icon("succeeded")));
    redraw(actions, [status, version], () => may("jobs:write") && offered());
    redraw(past, history, () => timeline(history));
  }

  const waits = () => state.study.status === "waiting" && state.study.waits_for === APPROVAL;

  function choice(name) {
    const radio = h("input", { type: "radio", name: "plan", value: name, "aria-label": t(`decision.plan.${name}`), on: { change: () => { chosen = name; } } });
    radio.checked = name === chosen;
    return radio;
  }

  function offered() {
    const button = (what, kind) => h("button", { class: `button ${kind}`, type: "button", on: { click: () => ask(what) } }, t(`decision.${what}.do`));
    if (waits()) return [button(state.study.outcome === "go" ? "approve" : "despite", "primary"), button("reject", "danger")];
    return state.study.approval && state.study.status !== "cancelling" && button("rollback", "danger");
  }

  const acts = {
    approve: () => ["approve", { plan: chosen }],
    despite: () => ["approve", { plan: chosen, despite_no_go: true }],
    reject: () => ["reject"],
    rollback: () => ["rollback"],
  };

  /** Ask first; the version says that nobody has decided since this was read. */
  async function ask(what) {
    const plan = t(`decision.plan.${state.study.approval?.plan ?? chosen}`);
    const words = ["title", "text", "yes"].map((word) => [word, t(`decision.${what}.${word}`, { plan })]);
    if (!(await confirmed(Object.fromEntries(words)))) return;
    fill(trouble);
    const [verb, body] = acts[what]();
    try {
      await post(`/v1/studies/${state.id}/${verb}`, body, { "If-Match": `"${state.study.version}"` });
      announce(t(`decision.${what}.done`, { plan }));
    } catch (problem) {
      fill(trouble, problemNotice(problem));
    }
    changed();
  }

  return { element, update };
}

function outcome({ outcome: found }) {
  const good = found === "go";
  return [h("span", { class: `badge large ${good ? "good" : "bad"}` }, icon(good ? "succeeded" : "failed"), t(good ? "decision.go" : "decision.noGo"))];
}

function reasons(found) {
  const metric = named(found.metric);
  const values = { title: metric.title, gain: difference(found.mean, metric), n: found.n, threshold: difference(found.threshold, metric) };
  if (found.interval) Object.assign(values, { reach: reach(found.interval, metric) });
  if (found.guard) Object.assign(values, { harmful: found.guard.harmful, looked: found.guard.looked });
  return [
    h("p", { class: "reason" }, t(`decision.code.${found.code}`, values)),
    found.interval && h("p", {}, t("decision.measured", values)),
    h("p", { class: "note" }, t("decision.honest")),
  ];
}

function approved({ plan, by, at, result, kept }, found) {
  const metric = named(found.metric);
  return h("p", {},
    t("decision.approved", { plan: t(`decision.plan.${plan}`), by: by ?? t("decision.somebody"), time: moment(at) }), " ",
    result && sentence(t("decision.cameTo", { gain: difference(result.mean, metric), reach: result.interval ? reach(result.interval, metric) : "", n: result.n })),
    kept && [" ", h("a", { href: `/models/${kept.model_id}` }, t("decision.kept", { alias: kept.alias, version: kept.version }))]);
}

function table(found, mark) {
  const metric = named(found.metric);
  const head = ["plan", "epochs", "seeds", "jobs", "time", "gain", "interval"].map((name) => h("th", { scope: "col", class: name !== "plan" && "number" }, t(`decision.column.${name}`)));
  const row = ([name, plan]) => h("tr", {},
    h("th", { scope: "row" }, h("label", { class: "who" }, mark(name), t(`decision.plan.${name}`)), plan.problem && h("span", { class: "note bad" }, sentence(plan.problem))),
    [whole(plan.epochs), seedsOf(plan.seeds.length), whole(plan.jobs), roughly(plan.seconds), difference(plan.gain, metric), plan.interval ? reach(plan.interval, metric) : "–"].map((cell) => h("td", { class: "number" }, cell)));
  return h("table", { class: "figures small" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, Object.entries(found.plans).map(row)));
}

function timeline(history) {
  const line = ({ did, at, by, plan, left }) => h("li", {},
    h("time", { class: "note", datetime: at }, moment(at)),
    h("span", {}, t(`decision.did.${did}`, { plan: plan ? t(`decision.plan.${plan}`) : "" })),
    by && h("span", { class: "note" }, by), left && h("span", { class: "note" }, t("decision.left", { why: left })));
  return h("div", {}, h("h3", {}, t("decision.history")), h("ul", { class: "plainlist" }, history.map(line)));
}
