/** An architecture of the catalogue with its options, each as a field that says what it does and what it is when left out. */

import { h, fill } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { t } from "../lib/text.js";
import { get } from "../net/api.js";
import { everything } from "../net/listing.js";
import { field, select, text } from "../ui/form.js";
import { problemText } from "../ui/notice.js";

/** @returns {element, body, suggest}: `suggest(names)` fills the name in where there is one and nobody has written */
export function architecture(signal) {
  const names = h("datalist", { id: "architectures" });
  const name = text("", { list: names.id, placeholder: "resnet20" });
  const about = h("p", { class: "note", "aria-live": "polite" });
  const options = h("div", { class: "fields" });
  const controls = new Map();
  let asked = null;

  everything("/v1/architectures", {}, signal).then((found) => fill(names, found.map((one) => h("option", { value: one.name }))), () => {});

  async function show() {
    const mine = (asked = name.value.trim());
    controls.clear();
    fill(options);
    fill(about);
    if (!mine) return;
    try {
      const { info } = await get(`/v1/architectures/${mine.split("/").map(encodeURIComponent).join("/")}`, { signal });
      if (mine !== asked) return;
      fill(about, t("model.bring.architectureIs", { description: info.description, n: count(info.parameters) }));
      for (const [option, schema] of Object.entries(info.options)) controls.set(option, optionControl(schema));
      fill(options, [...controls].map(([option, { control }]) =>
        field({ label: option, hint: info.options[option].description, pointer: `/options/${option}`, optional: true }, control)));
    } catch (problem) {
      if (problem.name !== "AbortError" && mine === asked) fill(about, problemText(problem));
    }
  }

  name.addEventListener("change", show);
  const body = () => {
    const chosen = Object.fromEntries([...controls].map(([option, { value }]) => [option, value()]).filter(([, value]) => value !== null));
    return { architecture: name.value.trim(), ...(Object.keys(chosen).length && { options: chosen }) };
  };
  const suggest = (found) => {
    if (name.value.trim() || !found.length) return;
    name.value = found[0];
    show();
  };
  return { element: [field({ label: t("model.field.architecture"), hint: t("model.bring.architectureHint"), pointer: "/architecture" }, name), names, about, options], body, suggest };
}

/** A control for a value of this schema, and what stands in it: null when it is left out. */
function optionControl({ type, default: usual, enum: values = type === "boolean" ? [true, false] : null, minimum, maximum }) {
  const unset = usual === undefined ? t("model.bring.unset") : t("model.bring.usual", { value: usual });
  if (values) {
    const control = select([["", unset], ...values.map((value, index) => [index, String(value)])], "");
    return { control, value: () => (control.value === "" ? null : values[control.value]) };
  }
  const numeric = type === "integer" || type === "number";
  const control = text("", numeric ? { type: "number", min: minimum, max: maximum, step: type === "integer" ? 1 : "any", placeholder: unset } : { placeholder: unset });
  return { control, value: () => (control.value === "" ? null : numeric ? Number(control.value) : control.value) };
}
