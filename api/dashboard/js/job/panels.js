/** Which panels a job has, in which sections, and what each needs to be there. */

import { isFinal } from "../ui/status.js";
import { accuracyChart } from "./accuracy.js";
import { angleMap, hasAngles, hasWays, wayMap } from "./angles.js";
import { artifacts } from "./artifacts.js";
import { conflictChart, dominanceChart, hasBalance, hasPulls, weightChart } from "./balance.js";
import { changes, hasParent } from "./changes.js";
import { checkpoints, hasCheckpoints } from "./checkpoints.js";
import { hasClasses } from "./changed.js";
import { classChart } from "./classes.js";
import { compression } from "./compression.js";
import { formats, hasFormats } from "./formats.js";
import { hasLog, log } from "./log.js";
import { lossChart } from "./losses.js";
import { machineCharts } from "./machine.js";
import { beside, fetched, given, section, several } from "./sections.js";
import { spec } from "./spec.js";
import { story } from "./story.js";
import { hasTrails, trails } from "./trail.js";
import { alignmentOf, hasCosts, hasMetrics, hasTrust, licencesOf } from "../proof/given.js";

/** Whether a split of some run was measured, or still may be. */
function comes({ job, series }, split) {
  return !isFinal(job.status) || !series.isLoaded || [...series.series.values()].some((line) => line.split === split);
}

/** Whether the student of a job can be measured anew: there has to be one. */
const canBeMonitored = ({ job, artifacts }) => job.status === "succeeded" && artifacts.some(({ name }) => name === "student.safetensors");

/** The parts of one section of the proof. */
const proof = (state, has, name) => fetched(() => has(state), () => import("../proof/panels.js").then((found) => found[name](state)));

/** What a distillation shows of itself, question by question. */
export function evidence(state) {
  return [
    section("learning", beside(given(() => comes(state, "validation"), accuracyChart(state)), given(() => comes(state, "train"), lossChart(state)))),
    section("student", compression(state), proof(state, hasMetrics, "figures"), given(() => hasFormats(state), formats(state)), given(() => hasClasses(state), classChart(state))),
    section("trust", proof(state, hasTrust, "trust")),
    section("features", proof(state, (found) => alignmentOf(found) !== null, "features")),
    section("again", fetched(() => canBeMonitored(state), () => import("../monitors/section.js").then((found) => [found.monitorsPart(state)]))),
    section("costs", proof(state, hasCosts, "costs")),
    section("objective",
      several(given(() => hasBalance(state), weightChart(state)), given(() => hasPulls(state), conflictChart(state)), given(() => hasPulls(state), dominanceChart(state))),
      beside(given(() => hasAngles(state), angleMap(state)), given(() => hasWays(state), wayMap(state))),
      given(() => hasTrails(state), trails(state))),
    section("machine", several(...machineCharts(state).map(([has, part]) => given(has, part)))),
  ];
}

/** What every job leaves: files, states to go on from, words, and what was asked for. */
export function records(state) {
  return [
    section("files", artifacts(state), proof(state, (found) => licencesOf(found).length > 0, "licences"), given(() => hasCheckpoints(state), checkpoints(state))),
    section("words", given(() => hasLog(state), log(state)), story(state)),
    section("order", beside(spec(state), given(() => hasParent(state), changes(state)))),
  ];
}
