/** The page that brings a model, or a further version of one: where it lies, what it is called, and what it is. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { once } from "../net/once.js";
import { announce } from "../ui/announce.js";
import { form } from "../ui/form.js";
import { pageHead } from "../ui/listpage.js";
import { naming } from "../ui/naming.js";
import { go, title as windowTitle } from "../router.js";
import { format } from "./formats.js";
import { radios } from "../ui/radios.js";
import { SOURCES } from "./sources.js";

const order = once();

/**
 * @param model of which a further version is brought; a new one when left out
 * @returns what ends the page
 */
export function bringPage(main, model = null) {
  const left = new AbortController();
  const title = model ? t("model.bring.titleOf", { name: model.name }) : t("models.bring");
  const back = model ? `/models/${model.id}` : "/models";
  const parts = new Map();
  const [where, what] = [h("div"), h("div")];
  const names = model ? null : naming({ name: t("model.field.name"), licence: t("model.field.licence"), description: t("model.field.description") }, "BSD-3-Clause");
  let kind = null;

  function choose(name) {
    kind = name;
    if (!parts.has(name)) parts.set(name, SOURCES[name]({ signal: left.signal, found: (architectures) => made?.suggest(architectures) }));
    fill(where, parts.get(name).element);
    what.hidden = name === "job";
  }

  async function send() {
    const origin = await parts.get(kind).body();
    const body = { ...names?.body(), ...(kind === "job" ? {} : made.body()), ...origin };
    const found = await order(model ? `/v1/models/${model.id}/versions` : "/v1/models", body);
    announce(t("model.bring.done"));
    return go(model ? `/models/${model.id}?version=${found.number}` : `/models/${found.id}`);
  }

  windowTitle(title);
  const made = format(left.signal);
  const asked = new URLSearchParams(location.search);
  const ways = Object.keys(SOURCES).map((name) => [name, t(`model.bring.from.${name}`), t(`model.bring.fromHint.${name}`)]);
  const choice = radios(t("model.bring.where"), ways, asked.get("from") in SOURCES ? asked.get("from") : "job", choose);
  fill(what, made.element);
  choose(choice.value());
  const fields = [choice.element, where, names?.element, what];
  fill(main, pageHead(title, t(model ? "model.bring.leadOf" : "model.bring.lead")),
    h("div", { class: "panel bringing" }, form({ fields, submit: t("model.bring.submit"), send, cancel: () => go(back) })));
  return () => {
    left.abort();
    for (const part of parts.values()) part.stop?.();
  };
}
