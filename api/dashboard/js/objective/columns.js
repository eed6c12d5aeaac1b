/** The networks of a run as columns of the places in them: blocks in order, what lies inside or beside them, the outputs. */

const MANY = 10;

export const LABELS = "labels";

/** The networks that a run speaks of, teachers first, and last those who learn beside the student. */
export function networksOf(plan, run) {
  const terms = run.stages.flatMap((stage) => stage.terms);
  const named = terms.flatMap(({ to, source, council }) => [to, ...(council.length ? council : [source])]);
  const all = new Set([...named, ...run.learners].filter((name) => name !== LABELS));
  for (const name of [...all]) {
    const path = plan.paths[name];
    for (const other of [path?.of, path?.borrows]) if (other) all.add(other);
  }
  return [...all].sort((one, other) => rank(plan, run, one) - rank(plan, run, other));
}

function rank(plan, run, name) {
  if (name === "teacher") return 0;
  if (plan.paths[name]) return 2;
  if (name === "student") return 3;
  return run.learners.includes(name) ? 4 : 1;
}

/** Every place that the terms of a run look at in a network. */
function pointsOf(run, name) {
  const found = new Set();
  for (const { to, source, council, pairs } of run.stages.flatMap((stage) => stage.terms)) {
    for (const pair of pairs) {
      if (to === name) found.add(pair.to);
      if (source === name || council.includes(name)) found.add(pair.source);
    }
  }
  return found;
}

/**
 * The places of a network, from its inputs to its outputs, in groups that stay together.
 *
 * @returns [[{key, label, kind, points}]]: `kind` is block, inner, more or outputs; `points` are those that lie there
 */
export function placesOf(plan, run, name) {
  const { blocks, classifier } = partsOf(plan, name);
  const used = pointsOf(run, name);
  const left = new Set(used);
  left.delete("logits");
  const groups = blocks.map((block) => {
    const inside = [...left].filter((point) => point.startsWith(`${block}.`) || point.startsWith(`${block}@`) || point.startsWith(`${block}#`));
    const used = left.delete(block) || inside.length > 0;
    for (const point of inside) left.delete(point);
    return { used, places: [place(block, block, "block"), ...inside.map((point) => place(point, point.slice(block.length).replace(/^\./, ""), "inner"))] };
  });
  const before = [...left].filter((point) => /^(embed|stem)/.test(point));
  const after = [...left].filter((point) => !before.includes(point));
  return [
    ...before.map((point) => [place(point, point, "inner")]),
    ...shortened(groups),
    ...after.map((point) => [place(point, classifier && point === `${classifier}@in` ? "penultimate" : point, "inner")]),
    [place("logits", "logits", "outputs")],
  ];
}

const place = (key, label, kind) => ({ key, label, kind });

/** A path has no blocks of its own but the places where it leaves the network that it leads through. */
function partsOf(plan, name) {
  const path = plan.paths[name];
  return path ? { blocks: path.at, classifier: path.classifier } : plan.networks[name];
}

/** Of a deep network only what is looked at, its ends, and how much lies between. */
function shortened(groups) {
  if (groups.length <= MANY) return groups.map(({ places }) => places);
  const shown = [];
  let hidden = [];
  const close = () => {
    if (hidden.length === 1) shown.push(hidden[0].places);
    else if (hidden.length) shown.push([{ key: `more-${shown.length}`, label: String(hidden.length), kind: "more" }]);
    hidden = [];
  };
  groups.forEach((group, index) => {
    if (!group.used && index && index < groups.length - 1) hidden.push(group);
    else {
      close();
      shown.push(group.places);
    }
  });
  close();
  return shown;
}
