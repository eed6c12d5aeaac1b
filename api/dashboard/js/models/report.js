/** What reading the files found, tensor by tensor, or the figures of the job that left the version. */

import { h, redraw } from "../lib/dom.js";
import { NONE, whole } from "../lib/format.js";
import { bounds, figure, named } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { scroller } from "../ui/scroll.js";

const KEYS = ["wrong_shape", "missing", "unexpected", "reinitialised"];

export function report(state) {
  const title = h("h2");
  const body = h("div", { class: "found" });
  const element = h("section", { class: "panel" }, h("header", {}, title), body);
  const update = () => {
    const { report: found, source, status } = state.version;
    redraw(title, Boolean(source.job), () => t(source.job ? "model.report.job" : "model.report.read"));
    const none = () => h("p", { class: "note" }, t(status === "failed" ? "model.report.refused" : "model.report.none"));
    redraw(body, [found, status], () => (found ? (source.job ? left(found) : read(found)) : none()));
  };
  return { element, update };
}

/** Of a job: what its student reached on the test split. */
function left({ metric, score, interval, metrics, verdict, gate, job }) {
  const rows = Object.entries(metrics ?? {}).filter(([name]) => name !== metric.name);
  return [
    h("p", {}, t("model.report.score", { title: named(metric).title, score: figure(score, metric), interval: bounds(interval, metric) })),
    h("dl", { class: "about" }, rows.map(([name, value]) => h("div", {},
      h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, typeof value === "number" ? Number(value.toPrecision(3)) : NONE)))),
    h("p", {}, t(`model.report.verdict.${verdict}`)),
    Object.values(gate ?? {}).map(({ message }) => h("p", { class: "note" }, t("model.report.taught", { message }))),
    h("p", {}, h("a", { href: `/jobs/${job}` }, t("model.report.toJob"))),
  ];
}

/** Of files: how names were read, and what fitted and what did not. */
function read(found) {
  const counts = found.counts ?? {};
  const lists = KEYS.filter((name) => found[name]?.length);
  return [
    found.file && h("p", {}, t("model.report.file", { file: found.file })),
    found.steps?.length > 0 && h("ol", { class: "steps" }, found.steps.map((step) => h("li", {}, step))),
    "mapped" in found && h("p", {}, t("model.report.mapped", { n: found.mapped, number: whole(found.mapped) }), " ",
      !lists.length && h("span", { class: "good" }, t("model.report.fits"))),
    lists.map((name) => keys(name, found[name], counts[name] ?? found[name].length)),
    Object.keys(found.renamed ?? {}).length > 0 && renamed(found.renamed),
  ];
}

function keys(name, rows, total) {
  const words = (row) => (typeof row === "string" ? row : row.name);
  const shapes = ({ found, wanted }) => t("model.report.shapes", { found: found.join(" × "), wanted: wanted.join(" × ") });
  const more = (row) => (row.wanted ? shapes(row) : row.nearest && t("model.report.nearest", { name: row.nearest }));
  return h("details", { open: total <= 5 }, h("summary", { class: "warn" }, t(`model.report.${name}`, { n: total, number: whole(total) })),
    h("ul", { class: "keys" }, rows.map((row) => h("li", {}, h("code", {}, words(row)), more(row) && h("span", { class: "note" }, ` ${more(row)}`)))),
    rows.length < total && h("p", { class: "note" }, t("model.report.cut", { n: total - rows.length, number: whole(total - rows.length) })));
}

function renamed(names) {
  const pairs = Object.entries(names);
  return h("details", {}, h("summary", {}, t("model.report.renamed", { n: pairs.length, number: whole(pairs.length) })),
    scroller(h("table", { class: "figures small" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("model.report.theirs")), h("th", { scope: "col" }, t("model.report.ours")))),
      h("tbody", {}, pairs.map(([theirs, ours]) => h("tr", {}, h("td", {}, h("code", {}, theirs)), h("td", {}, h("code", {}, ours))))))));
}
