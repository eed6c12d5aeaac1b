/** The page that brings a dataset, or a further version of one: its files, its format, how it is read, what it is called. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { once } from "../net/once.js";
import { announce } from "../ui/announce.js";
import { field, form, text } from "../ui/form.js";
import { pageHead } from "../ui/listpage.js";
import { naming } from "../ui/naming.js";
import { picker } from "../upload/picker.js";
import { go, title as windowTitle } from "../router.js";
import { COMMON, FORMATS } from "./formats.js";
import { formatChoice } from "./formatchoice.js";
import { beyond, merged, options } from "./options.js";

const order = once();
const OURS = ["name", "licence", "format"];

/**
 * @param dataset of which a further version is brought; a new one when left out
 * @param given options of an earlier version, to begin with
 * @returns what ends the page
 */
export function bringPage(main, dataset = null, given = null) {
  const title = dataset ? t("bring.titleOf", { name: dataset.name }) : t("datasets.bring");
  const back = dataset ? `/datasets/${dataset.id}` : "/datasets";
  const place = where();
  const names = dataset ? null : naming({ name: t("dataset.name"), licence: t("dataset.licence"), description: t("dataset.description") }, "CC BY 4.0");
  const asked = h("div", { class: "stack" });
  let settings = null;
  const choice = formatChoice(given?.format ?? "image-folder", (format) => (settings = settingsOf(format, given?.format === format ? given : {}, asked)));

  async function send() {
    const chosen = settings.body();
    const body = { ...chosen, ...names?.body(), format: choice.value(), source: await place.body() };
    const made = await order(dataset ? `/v1/datasets/${dataset.id}/versions` : "/v1/datasets", body);
    announce(t("bring.done"));
    return go(dataset ? `/datasets/${dataset.id}?version=${made.number}` : `/datasets/${made.id}`);
  }

  const part = (heading, ...content) => h("section", { class: "panel part" }, h("h2", {}, heading), content);
  const fields = [part(t("bring.files"), place.element), part(t("bring.format"), choice.element),
    part(t("bring.options"), asked), names && part(t("bring.about"), names.element)];
  windowTitle(title);
  fill(main, pageHead(title, t(dataset ? "bring.leadOf" : "bring.lead")), form({ fields, submit: t("bring.submit"), send, cancel: () => go(back), kind: "bringing" }));
  return place.stop;
}

/** Files that are sent now, or a place that the operator has named. */
function where() {
  const files = picker({ hint: t("bring.filesHint"), pointer: "/source" });
  const place = text("", { placeholder: "lake/scans/2026.zip" });
  const other = h("details", {}, h("summary", {}, t("bring.import")), field({ label: t("bring.place"), hint: t("bring.placeHint"), pointer: "/source/import", optional: true }, place));
  const body = async () => (place.value.trim() ? { import: place.value.trim() } : { uploads: await files.uploads() });
  return { element: [files.element, other], body, stop: files.stop };
}

/** The fields of a format, and a box for everything else. */
function settingsOf(format, given, element) {
  const descriptions = [...FORMATS[format], ...COMMON];
  const rest = beyond(descriptions, Object.fromEntries(Object.entries(given).filter(([name]) => !OURS.includes(name))));
  const [own, common] = [options(FORMATS[format], given), options(COMMON, given)];
  const more = h("textarea", { class: "mono", rows: 5, spellcheck: "false", placeholder: "{}" });
  more.value = Object.keys(rest).length ? JSON.stringify(rest, null, 2) : "";
  fill(element, own.element, common.element, h("details", { open: Boolean(more.value) }, h("summary", {}, t("bring.more")),
    field({ label: t("bring.json"), hint: t("bring.jsonHint"), pointer: "/more", optional: true }, more)));
  return { body: () => [own.body(), common.body(), parsed(more.value)].reduce(merged) };
}

function parsed(written) {
  try {
    const found = JSON.parse(written.trim() || "{}");
    if (found !== null && typeof found === "object" && !Array.isArray(found)) return found;
  } catch {
    // It is refused below, as what is no object is.
  }
  throw Object.assign(new Error(t("bring.notJson")), { errors: [{ pointer: "/more", detail: t("bring.notJson") }] });
}
