/** Where the teacher's layers lie, seen from the student's: both angle probes of the layer-selection study. */

import { chart } from "../chart/figure.js";
import { colour } from "../lib/colours.js";
import { percent, signed } from "../lib/format.js";
import { t } from "../lib/text.js";

const anglesOf = (state) => state.job.result?.diagnostics?.angles ?? null;

export const hasAngles = (state) => anglesOf(state) !== null;

/** Where layers of the student were compared with each other's ways, there have to be two. */
export const hasWays = (state) => (anglesOf(state)?.layers.length ?? 0) > 1;

const blocks = (job, name) => job.plan?.networks?.[name]?.blocks ?? [];

/** `3 · stages.0.blocks.2`: the number carries the axis, the name the table. */
const blockName = (job, name, index) => [index + 1, blocks(job, name)[index]].filter(Boolean).join(" · ");

/** The first probe: the angle at a student layer between the teacher's first layer and each later one. */
export function angleMap(state) {
  return map(() => {
    const { job } = state;
    const { layers, space, vectors } = anglesOf(state);
    const acute = layers.reduce((sum, layer) => sum + layer.acute, 0) / layers.length;
    const places = layers[0].by_teacher.map((_, index) => index + 1);
    return {
      title: t("angles.title", { share: percent(acute, 0) }),
      note: t("angles.note", { vectors, space: t(`angles.space.${space}`) }),
      cells: layers.map((layer) => layer.by_teacher),
      columns: places.map((place) => place + 1), rows: layers.map((_, index) => index + 1),
      across: t("angles.teacher"), down: t("angles.student"),
      header: [t("angles.teacher"), ...layers.map((_, index) => t("angles.seenFrom", { block: blockName(job, "student", index) }))],
      lines: [
        ...places.map((place) => [blockName(job, "teacher", place), ...layers.map((layer) => signed(layer.by_teacher[place - 1], 2))]),
        [t("angles.acuteShare"), ...layers.map((layer) => percent(layer.acute, 0))],
      ],
    };
  });
}

/** The second probe: whether the way from one layer to another is the same in both networks. */
export function wayMap(state) {
  return map(() => {
    const { job } = state;
    const { displacements, followed } = anglesOf(state);
    const pairs = displacements.flatMap((row, index) => row.slice(index + 1));
    const names = displacements.map((_, index) => index + 1);
    return {
      title: t("angles.waysTitle", { n: pairs.length, same: pairs.filter((value) => value > 0).length }),
      note: t("angles.waysNote", { list: followed.map((place, index) => t("angles.follows", { student: index + 1, teacher: place + 1 })).join(", ") }),
      cells: displacements,
      columns: names, rows: names,
      across: t("angles.toBlock"), down: t("angles.fromBlock"),
      header: [t("angles.fromTo"), ...names.map((_, index) => blockName(job, "student", index))],
      lines: displacements.map((row, index) => [blockName(job, "student", index), ...row.map((value) => signed(value, 2))]),
    };
  });
}

const MOST_WRITTEN = 24;

function map(describe) {
  return chart(() => {
    const { title, note, cells, columns, rows, across, down, header, lines } = describe();
    const axis = { type: "category", showgrid: false };
    return {
      title, note, wait: "", legend: [],
      traces: () => [heat(cells, columns.map(String), rows.map(String), across, down)],
      axes: () => ({ x: { title: across, ...axis }, y: { title: down, ...axis, autorange: "reversed" }, hovermode: "closest" }),
      table: () => ({ header, rows: lines }),
    };
  }, null, "h3");
}

/** Blue is acute, orange obtuse, and nothing a right angle; the numbers say it, too, where there is room for them. */
function heat(z, x, y, across, down) {
  return {
    type: "heatmap", z, x, y, zmin: -1, zmax: 1, xgap: 2, ygap: 2,
    colorscale: [[0, colour("alone")], [0.5, colour("sunken")], [1, colour("student")]],
    texttemplate: x.length <= MOST_WRITTEN && "%{z:.2f}",
    hovertemplate: `${down} %{y}<br>${across} %{x}<br>%{z:.2f}<extra></extra>`,
    colorbar: { title: { text: t("angles.cosine"), side: "right", font: { size: 12 } }, thickness: 12, outlinewidth: 0, tickvals: [-1, 0, 1], tickfont: { color: colour("muted") } },
  };
}
