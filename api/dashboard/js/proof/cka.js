/** How alike the blocks of both networks are, before and after the training, by linear CKA. */

import { chart } from "../chart/figure.js";
import { colour } from "../lib/colours.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { alignmentOf } from "./given.js";

const MOST_WRITTEN = 12;

/** @param when `before` or `after` the training */
export function ckaMap(state, when) {
  return chart(() => {
    const { students, teachers, cka, examples } = alignmentOf(state);
    const cells = cka[when];
    return {
      title: t(`cka.${when}`, { value: likeness(cells).toFixed(2) }),
      note: t("cka.note", { n: whole(examples) }),
      wait: "", legend: [],
      traces: () => [heat(cells, students, teachers)],
      axes: () => ({
        x: { title: t("cka.teacher"), type: "category", showgrid: false, ...ticks(teachers) },
        y: { title: t("cka.student"), type: "category", showgrid: false, autorange: "reversed", ...ticks(students) },
        hovermode: "closest",
      }),
      table: () => ({
        header: [t("cka.teacher"), ...students.map((name) => t("cka.seen", { name }))],
        rows: teachers.map((name, column) => [name, ...students.map((_, row) => cells[row][column].toFixed(2))]),
      }),
    };
  }, null, "h3");
}

/** The mean, over the student's blocks, of the likeness to the teacher's block that is most alike. */
const likeness = (cells) => cells.reduce((sum, row) => sum + Math.max(...row), 0) / cells.length;

/** Blocks go by their number on the axes and by their name in words: paths of modules are long. */
const numbers = (names) => names.map((_, index) => String(index + 1));
const ticks = (names) => ({ tickmode: "array", tickvals: numbers(names), ticktext: numbers(names) });

function heat(cells, students, teachers) {
  return {
    type: "heatmap", z: cells, x: numbers(teachers), y: numbers(students), zmin: 0, zmax: 1, xgap: 2, ygap: 2,
    colorscale: [[0, colour("sunken")], [1, colour("student")]],
    customdata: students.map((student) => teachers.map((teacher) => [student, teacher])),
    texttemplate: teachers.length <= MOST_WRITTEN && "%{z:.2f}",
    hovertemplate: `${t("cka.student")} %{customdata[0]}<br>${t("cka.teacher")} %{customdata[1]}<br>%{z:.2f}<extra></extra>`,
    colorbar: { title: { text: t("cka.axis"), side: "right", font: { size: 12 } }, thickness: 12, outlinewidth: 0, tickvals: [0, 0.5, 1], tickfont: { color: colour("muted") } },
  };
}
