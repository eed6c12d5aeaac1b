/** A small form that makes a monitor of the job that is shown. */

import { fill, h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { everything } from "../net/listing.js";
import { once } from "../net/once.js";
import { announce } from "../ui/announce.js";
import { checkbox, field, form, select, text } from "../ui/form.js";

/** @param made called when there is one more */
export function newMonitor(job, made) {
  const order = once();
  const summary = h("summary", {}, t("monitors.new"));
  const body = h("div", {}, h("p", { class: "note" }, t("list.loading")));
  const element = h("details", { class: "panel flat" }, summary, body);
  element.addEventListener("toggle", () => element.open && draw(), { once: true });

  async function draw() {
    const task = job.result?.metric?.task ?? job.plan?.dataset?.task;
    const found = (await everything("/v1/datasets", { task })).filter(({ latest }) => latest !== null);
    if (!found.length) return fill(body, h("p", { class: "note" }, t("monitors.noDatasets")));
    return fill(body, fields(found));
  }

  function fields(found) {
    const dataset = select(found.map(({ id, name }) => [id, name]));
    const hours = text("", { type: "number", min: 1, inputmode: "decimal" });
    const threshold = text("2", { type: "number", min: 0, step: "any", inputmode: "decimal" });
    const [fresh, propose] = [checkbox(t("monitors.freshField"), true), checkbox(t("monitors.proposeField"), false)];

    async function send() {
      const name = found.find(({ id }) => id === dataset.value)?.name ?? dataset.value;
      await order("/v1/monitors", {
        name, job: job.id, dataset: dataset.value, every_hours: hours.value ? Number(hours.value) : null,
        on_new_version: fresh.input.checked, drift: { threshold: Number(threshold.value) }, then: propose.input.checked ? "propose" : "measure",
      });
      announce(t("monitors.made"));
      element.open = false;
      made();
    }

    return form({
      fields: [
        h("p", { class: "note" }, t("monitors.newNote")),
        field({ label: t("monitors.datasetField"), pointer: "/dataset" }, dataset),
        field({ label: t("monitors.hoursField"), pointer: "/every_hours", optional: true }, hours),
        field({ label: t("monitors.thresholdField"), hint: t("monitors.thresholdHint"), pointer: "/drift/threshold" }, threshold),
        fresh.element, propose.element,
      ],
      submit: t("monitors.make"), send,
    });
  }

  return { element };
}
