/** What a result proves beside its scores; results of earlier versions lack it, and so do tasks that have no such thing. */

const ROLES = ["teacher", "alone", "student"];

const resultOf = ({ job }) => job.result ?? {};

/** The networks that were measured, by role: `[role, figures]`, the teacher first. */
export const modelsOf = (state) => ROLES.filter((role) => resultOf(state).models?.[role]).map((role) => [role, resultOf(state).models[role]]);

export const alignmentOf = (state) => resultOf(state).alignment ?? null;
export const robustnessOf = (state) => resultOf(state).robustness ?? null;
export const shiftOf = (state) => resultOf(state).shift ?? null;
export const costOf = (state) => resultOf(state).cost ?? null;
export const licencesOf = (state) => resultOf(state).licences ?? [];

export const hasReliability = (state) => modelsOf(state).some(([, model]) => model.reliability);
export const hasSpeeds = (state) => modelsOf(state).some(([, model]) => model.speeds?.length);
export const hasMetrics = (state) => modelsOf(state).some(([, model]) => model.intervals && Object.keys(model.metrics ?? {}).length > 1);
export const hasTrust = (state) => hasReliability(state) || robustnessOf(state) !== null || shiftOf(state) !== null;
export const hasCosts = (state) => hasSpeeds(state) || costOf(state) !== null;
