/** What stands in the sections of the proof; these parts are fetched when a job has proved something. */

import { beside, given } from "../job/sections.js";
import { ckaMap } from "./cka.js";
import { costPanel } from "./cost.js";
import { figuresPanel } from "./figures.js";
import { alignmentOf, costOf, hasMetrics, hasReliability, hasSpeeds, robustnessOf, shiftOf } from "./given.js";
import { licencesPanel } from "./licences.js";
import { hasProjection, projectionChart } from "./projection.js";
import { reliabilityChart } from "./reliability.js";
import { robustnessChart } from "./robustness.js";
import { shiftPanel } from "./shift.js";
import { speedChart } from "./speeds.js";

const TIMES = ["before", "after"];

/** Every figure of the task. */
export const figures = (state) => [given(() => hasMetrics(state), figuresPanel(state))];

/** Whether answers can be believed, and where they stop to be right. */
export const trust = (state) => [
  beside(given(() => hasReliability(state), reliabilityChart(state)), given(() => robustnessOf(state) !== null, robustnessChart(state))),
  given(() => shiftOf(state) !== null, shiftPanel(state)),
];

/** What the student took over of the teacher's features. */
export const features = (state) => [
  beside(...TIMES.map((when) => given(() => hasProjection(state), projectionChart(state, when)))),
  beside(...TIMES.map((when) => given(() => alignmentOf(state) !== null, ckaMap(state, when)))),
];

/** What it costs to answer, and what it cost to learn. */
export const costs = (state) => [
  beside(given(() => hasSpeeds(state), speedChart(state)), given(() => costOf(state) !== null, costPanel(state))),
];

/** Under which conditions the result may be handed on. */
export const licences = (state) => [licencesPanel(state)];
