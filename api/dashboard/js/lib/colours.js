/** One colour for one thing: who a run belongs to, and what the page's variables are worth right now. */

export const TERMS = ["term1", "term2", "term3", "term4", "term5"];

const ROLES = { teacher: "teacher", alone: "alone", distil: "student", student: "student" };

/** The part that the network of a run plays: `teacher`, `alone`, `student`, or null for one that we do not know. */
export function roleOf(run) {
  return ROLES[run] ?? null;
}

/** The variable that holds the colour of a run. */
export function hueOf(run) {
  return roleOf(run) ?? "term5";
}

/** The value of a colour variable in the theme that shows; a drawing library needs it as a plain colour. */
export function colour(name) {
  probe.style.color = `var(--${name})`;
  if (!probe.isConnected) document.body.append(probe);
  return getComputedStyle(probe).color;
}

const probe = document.createElement("span");
probe.hidden = true;
