/** Places for the nodes of a directed graph, in layers from left to right: what was used stands before what came of it. */

const SWEEPS = 8;

/**
 * @param ids of the nodes; `edges` are `{from, to}` between them
 * @param root the node whose layer is settled first where a circle has to be cut
 * @returns {layers, chains}: layers of ids and of bends; for each edge the ids and bends that it passes
 */
export function layered(ids, edges, root) {
  const depth = depths(ids, forward(ids, edges, root));
  const layers = Array.from({ length: Math.max(...depth.values()) + 1 }, () => []);
  for (const id of ids) layers[depth.get(id)].push(id);
  const chains = edges.map((edge) => bent(edge, depth, layers));
  return { layers: ordered(layers, chains), chains };
}

/** The edges without those that close a circle. */
function forward(ids, edges, root) {
  const [open, done, kept] = [new Set(), new Set(), []];
  const out = grouped(edges, "from");
  const visit = (id) => {
    open.add(id);
    for (const edge of out.get(id) ?? []) {
      if (open.has(edge.to)) continue;
      kept.push(edge);
      if (!done.has(edge.to)) visit(edge.to);
    }
    open.delete(id);
    done.add(id);
  };
  for (const id of [root, ...ids]) if (!done.has(id)) visit(id);
  return kept;
}

/** The longest path to each node; what nothing leads to stands right before what uses it first. */
function depths(ids, edges) {
  const [before, after, depth] = [grouped(edges, "to"), grouped(edges, "from"), new Map()];
  const longest = (id) => {
    if (!depth.has(id)) depth.set(id, Math.max(-1, ...(before.get(id) ?? []).map((edge) => longest(edge.from))) + 1);
    return depth.get(id);
  };
  ids.forEach(longest);
  for (const id of ids) {
    const users = (after.get(id) ?? []).map((edge) => depth.get(edge.to));
    if (!before.has(id) && users.length) depth.set(id, Math.min(...users) - 1);
  }
  return depth;
}

/** An edge over several layers goes through a bend in each of those between. */
function bent({ from, to }, depth, layers) {
  const [first, last] = [depth.get(from), depth.get(to)];
  const chain = [from];
  for (let layer = first + 1; layer < last; layer += 1) {
    const bend = `${from}\u0000${to}\u0000${layer}`;
    if (!layers[layer].includes(bend)) layers[layer].push(bend); // two edges between the same nodes share their way
    chain.push(bend);
  }
  return [...chain, to];
}

/** The order in each layer with the fewest crossings that sweeps of barycentres find. */
function ordered(layers, chains) {
  const steps = chains.flatMap((chain) => chain.slice(1).map((id, index) => ({ from: chain[index], to: id })));
  const [before, after] = [grouped(steps, "to"), grouped(steps, "from")];
  let best = { layers, crossed: crossings(layers, steps) };
  let present = layers;
  for (let sweep = 0; sweep < SWEEPS && best.crossed > 0; sweep += 1) {
    present = sweep % 2 ? swept(present, after, "to", true) : swept(present, before, "from", false);
    const crossed = crossings(present, steps);
    if (crossed < best.crossed) best = { layers: present, crossed };
  }
  return best.layers;
}

function swept(layers, steps, end, backwards) {
  const result = layers.map((layer) => [...layer]);
  const place = new Map(layers.flatMap((layer) => layer.map((id, index) => [id, index])));
  for (const layer of backwards ? result.toReversed() : result) {
    const centre = new Map(layer.map((id) => [id, mean((steps.get(id) ?? []).map((step) => place.get(step[end]))) ?? place.get(id)]));
    layer.sort((a, b) => centre.get(a) - centre.get(b));
    layer.forEach((id, index) => place.set(id, index));
  }
  return result;
}

/** How often steps between the same two layers cross. */
function crossings(layers, steps) {
  const place = new Map(layers.flatMap((layer, depth) => layer.map((id, index) => [id, { depth, index }])));
  const ends = steps.map(({ from, to }) => [place.get(from), place.get(to)]);
  const cross = ([a, b], [c, d]) => a.depth === c.depth && b.depth === d.depth && (a.index - c.index) * (b.index - d.index) < 0;
  return ends.reduce((total, one, index) => total + ends.slice(index + 1).filter((other) => cross(one, other)).length, 0);
}

/**
 * Heights in each layer: near the mean of the neighbours, in order, and at least `gap(a, b)` apart.
 *
 * @returns id -> the middle of the node
 */
export function heights(layers, chains, gap) {
  const near = new Map();
  for (const chain of chains) for (const [index, id] of chain.entries()) near.set(id, [...(near.get(id) ?? []), ...[chain[index - 1], chain[index + 1]].filter(Boolean)]);
  const y = new Map();
  for (const layer of layers) spread(layer, new Map(layer.map((id) => [id, 0])), gap, y);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const layer of sweep % 2 ? layers.toReversed() : layers) {
      spread(layer, new Map(layer.map((id) => [id, mean((near.get(id) ?? []).map((other) => y.get(other))) ?? y.get(id)])), gap, y);
    }
  }
  const least = Math.min(...y.values());
  for (const [id, value] of y) y.set(id, value - least);
  return y;
}

/** Put a layer where it wishes to be as far as there is room, without moving its middle. */
function spread(layer, wishes, gap, y) {
  let last = -Infinity;
  layer.forEach((id, index) => {
    last = index ? Math.max(wishes.get(id), last + gap(layer[index - 1], id)) : wishes.get(id);
    y.set(id, last);
  });
  const drift = mean(layer.map((id) => y.get(id) - wishes.get(id)));
  for (const id of layer) y.set(id, y.get(id) - drift);
}

function grouped(edges, end) {
  const found = new Map();
  for (const edge of edges) found.set(edge[end], [...(found.get(edge[end]) ?? []), edge]);
  return found;
}

const mean = (numbers) => (numbers.length ? numbers.reduce((total, one) => total + one, 0) / numbers.length : undefined);
