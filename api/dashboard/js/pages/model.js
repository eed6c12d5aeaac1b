/** One model: its versions and their names, what the chosen one is, what it came from and what came of it. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { kept, oneThing } from "../ui/onething.js";
import { about } from "../models/about.js";
import { bringPage } from "../models/bring.js";
import { files } from "../models/files.js";
import { gate } from "../models/gate.js";
import { header } from "../models/header.js";
import { inspection } from "../models/inspection.js";
import { lineage } from "../models/lineage.js";
import { report } from "../models/report.js";
import { ModelState } from "../models/state.js";
import { versions } from "../models/versions.js";
import { title } from "../router.js";

export function enter(main, id) {
  const query = new URLSearchParams(location.search);
  const state = new ModelState(id, Number(query.get("version")) || null);
  const lost = { heading: t("model.missing"), text: t("model.missingText"), back: ["/models", t("model.all")] };
  title(t("model.title"));
  return oneThing(main, state, lost, () => (query.has("new") ? bringPage(main, state.model) : show(main, state)));
}

/** Draw the page, and keep it as the service has it; gives what ends that. */
function show(main, state) {
  const head = header(state, () => polling.now());
  const parts = [head, inspection(state), versions(state, () => polling.now()), about(state), report(state), gate(state), lineage(state), files(state)];
  const [, asked, table, card, found, ...rest] = parts.map((part) => part.element);
  fill(main, h("div", { class: "stack" }, head.element, asked, table, h("div", { class: "pair" }, card, found), rest));

  function update() {
    title(state.model.name);
    for (const part of parts) part.update();
  }

  const says = () => t("model.says", { name: state.model.name, number: state.version.number, status: t(`status.${state.version.status}`) });
  const polling = kept(main, state, { update, fail: head.fail, says });
  return () => polling.stop();
}
