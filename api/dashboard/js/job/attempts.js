/** Who tried, when, from where and with what end: the attempts below the phases, once there is something to tell of them. */

import { h, redraw } from "../lib/dom.js";
import { duration, moment, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { scroller } from "../ui/scroll.js";
import { isActive } from "../ui/status.js";

/** Outcome -> icon and tone. */
const LOOKS = {
  succeeded: ["succeeded", "good"], failed: ["failed", "bad"], crashed: ["failed", "bad"], lost: ["unknown", "warn"],
  stopped: ["paused", "even"], running: ["running", "live"],
};

const WELL = new Set(["succeeded", "running", undefined]);

/** One attempt that goes well is told by the phases already. */
export function isTold({ attempts }) {
  return attempts.length > 1 || !WELL.has(attempts[0]?.outcome ?? undefined);
}

export function attempts(state) {
  const element = h("div", { class: "attempts" });
  const update = () => {
    element.hidden = !isTold(state);
    if (element.hidden) return;
    redraw(element, [state.attempts, state.checkpoints.length, isActive(state.job.status)], () => [
      h("h2", { class: "question" }, t("attempts.title", { n: state.attempts.length })),
      scroller(table(state))]);
  };
  return { element, update };
}

function table(state) {
  const head = (name) => h("th", { scope: "col", class: name === "took" && "number" }, t(`attempts.${name}`));
  const ordered = state.attempts.toSorted((a, b) => a.number - b.number);
  const from = Date.parse(ordered[0].started_at);
  const to = Math.max(...ordered.map(endOf));
  return h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, ["number", "outcome", "when", "took", "from", "worker"].map(head))),
    h("tbody", {}, ordered.map((attempt) => row(state, attempt, from, Math.max(1, to - from)))));
}

const endOf = ({ ended_at: ended }) => (ended ? Date.parse(ended) : Date.now());

function row(state, attempt, from, span) {
  const [began, ended] = [Date.parse(attempt.started_at), endOf(attempt)];
  const outcome = attempt.outcome ?? "running";
  const [drawing, tone] = LOOKS[outcome] ?? ["unknown", "even"];
  const stretch = h("span", { class: `stretch ${tone}`, vars: { from: `${(100 * (began - from)) / span}%`, part: `${(100 * (ended - began)) / span}%` } });
  return h("tr", {},
    h("th", { scope: "row" }, attempt.number),
    h("td", {}, h("span", { class: `badge ${tone}` }, icon(drawing), t(`attempt.${outcome}`)), attempt.error && h("span", { class: "note code", title: attempt.error.message }, attempt.error.code)),
    h("td", { class: "when", title: moment(attempt.started_at) }, stretch),
    h("td", { class: "number" }, duration((ended - began) / 1000)),
    h("td", {}, origin(state, attempt)),
    h("td", { class: "mono" }, attempt.worker_id));
}

/** Checkpoints are removed when newer ones are there; the story remembers where they were. */
function origin({ checkpoints, events }, { checkpoint_id: id }) {
  if (!id) return t("attempts.beginning");
  const known = checkpoints.find((checkpoint) => checkpoint.id === id) ?? events.find(({ type, data }) => type === "checkpoint" && data.id === id)?.data;
  return known ? t("attempts.step", { step: whole(known.step) }) : t("attempts.checkpoint");
}
