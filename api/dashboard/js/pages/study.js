/** One study: what it asks, how far it is, what each arm came to, who beats whom, what was stopped and why. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { arms } from "../studies/arms.js";
import { decision } from "../studies/decision.js";
import { differences } from "../studies/differences.js";
import { header } from "../studies/header.js";
import { pareto } from "../studies/pareto.js";
import { ranking } from "../studies/ranking.js";
import { remarks } from "../studies/remarks.js";
import { runs } from "../studies/runs.js";
import { standing } from "../studies/standing.js";
import { StudyState } from "../studies/state.js";
import { copies, STUDY } from "../new/copies.js";
import { kept, oneThing } from "../ui/onething.js";
import { title } from "../router.js";

export function enter(main, id) {
  const state = new StudyState(id);
  title(t("study.title"));
  return oneThing(main, state, { heading: t("study.missing"), text: t("study.missingText"), back: ["/studies", t("study.all")] }, () => show(main, state));
}

/** Draw the page, and keep it as the service has it; gives what ends that. */
function show(main, state) {
  const head = header(state, () => polling.now());
  const charts = [differences(state), pareto(state)];
  const copied = copies({ spec: state.study.spec }, STUDY);
  const parts = [head, decision(state, () => polling.now()), standing(state), ranking(state), arms(state), ...charts, runs(state), remarks(state)];
  const [, decided, stands, ranked, table, against, front, single, noted] = parts.map((part) => part.element);
  fill(main, h("div", { class: "stack studypage" }, head.element, decided, stands, noted, ranked, table, h("div", { class: "pair" }, against, front), single, copied.element));

  function update() {
    title(state.study.name);
    for (const part of parts) part.update();
  }

  const says = () => t("study.says", { name: state.study.name, status: t(`status.${state.study.status}`) });
  const polling = kept(main, state, { update, fail: head.fail, says });
  return () => {
    polling.stop();
    for (const part of parts) part.stop?.();
  };
}
