/** One dataset: how its inspection goes, what the chosen version holds, what was found in it, and what can be done with it. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { kept, oneThing } from "../ui/onething.js";
import { bringPage } from "../datasets/bring.js";
import { channels } from "../datasets/channels.js";
import { files } from "../datasets/files.js";
import { findings } from "../datasets/findings.js";
import { header } from "../datasets/header.js";
import { histogram } from "../datasets/histogram.js";
import { holds } from "../datasets/holds.js";
import { inspection } from "../datasets/inspection.js";
import { asked } from "../datasets/asked.js";
import { samples } from "../datasets/samples.js";
import { DatasetState } from "../datasets/state.js";
import { versions } from "../datasets/versions.js";
import { title } from "../router.js";

export function enter(main, id) {
  const query = new URLSearchParams(location.search);
  const state = new DatasetState(id, Number(query.get("version")) || null);
  const lost = { heading: t("dataset.missing"), text: t("dataset.missingText"), back: ["/datasets", t("dataset.all")] };
  title(t("dataset.title"));
  return oneThing(main, state, lost, () => (query.has("new") ? bringPage(main, state.dataset, state.version.options) : show(main, state)));
}

/** Draw the page, and keep it as the service has it; gives what ends that. */
function show(main, state) {
  const head = header(state, () => polling.now());
  const parts = { inspection: inspection(state), findings: findings(state), holds: holds(state), histogram: histogram(state), samples: samples(state),
    channels: channels(state), versions: versions(state, () => polling.now()), files: files(state), asked: asked(state) };
  const beside = (name, ...some) => h("div", { class: name }, some.map((part) => part.element));
  fill(main, h("div", { class: "stack dataset" }, head.element, parts.inspection.element, parts.versions.element,
    beside("pair", parts.holds, parts.findings), parts.histogram.element, parts.samples.element, parts.channels.element, beside("pair", parts.asked, parts.files)));

  function update() {
    title(state.dataset.name);
    for (const part of [head, ...Object.values(parts)]) part.update();
  }

  const says = () => t("dataset.says", { name: state.dataset.name, status: t(`status.${state.version.status}`) });
  const polling = kept(main, state, { update, fail: head.fail, says });
  return () => {
    polling.stop();
    parts.histogram.stop();
  };
}
