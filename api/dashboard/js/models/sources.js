/** Where a model is brought from: a finished job, files that are sent now, or the operator's folder of weights. */

import { h, fill } from "../lib/dom.js";
import { age, bytes, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { get } from "../net/api.js";
import { problemNotice } from "../ui/notice.js";
import { field, select } from "../ui/form.js";
import { picker } from "../upload/picker.js";

const JOBS = 100;

/** Name -> a part of the form: `{element, body, stop}`; `body()` is what the order says of the place. */
export const SOURCES = { job: fromJob, files: fromFiles, folder: fromFolder };

function fromJob({ signal }) {
  const asked = new URLSearchParams(location.search).get("job");
  const words = (job) => t("model.bring.job", { name: job.name, what: [job.method, job.dataset, job.student].filter(Boolean).join(" · "), age: age(since(job.created_at)) });
  const part = chosen(async () => {
    const found = (await get("/v1/jobs", { signal, query: { status: "succeeded", limit: JOBS } })).data;
    const jobs = found.some((job) => job.id === asked) || !asked ? found : [await get(`/v1/jobs/${asked}`, { signal }), ...found];
    return jobs.map((job) => [job.id, words(job)]);
  }, { label: t("model.bring.which"), hint: t("model.bring.whichHint"), pointer: "/from_job", none: t("model.bring.noJob"), first: asked });
  return { element: part.element, body: () => ({ from_job: part.value() }) };
}

function fromFiles() {
  const files = picker({ hint: t("model.bring.filesHint"), pointer: "/source" });
  return { element: files.element, body: async () => ({ source: { uploads: await files.uploads() } }), stop: files.stop };
}

function fromFolder({ signal, found }) {
  let spoken = new Map();
  const part = chosen(async () => {
    const files = (await get("/v1/models:local", { signal })).data;
    spoken = new Map(files.map((file) => [file.import, file.architectures]));
    return files.map((file) => [file.import, t("model.bring.local", { name: file.name, size: bytes(file.bytes) })]);
  }, { label: t("model.bring.file"), pointer: "/source", none: t("model.bring.noLocal"), changed: (place) => found(spoken.get(place) ?? []) });
  return { element: part.element, body: () => ({ source: { import: part.value() } }) };
}

/** A choice among what the service has; until that is known there is nothing to choose. */
function chosen(load, { label, hint, pointer, none, first = null, changed = () => {} }) {
  const element = h("div", {}, h("p", { class: "note" }, t("list.loading")));
  let control = null;
  load().then((options) => {
    if (!options.length) return fill(element, h("p", { class: "note" }, none));
    control = select(options, first ?? options[0][0]);
    control.addEventListener("change", () => changed(control.value));
    changed(control.value);
    return fill(element, field({ label, hint, pointer }, control));
  }, (problem) => problem.name === "AbortError" || fill(element, problemNotice(problem)));
  return { element, value: () => control?.value ?? "" };
}
