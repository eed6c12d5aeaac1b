/** Which points of a chart get their name beside them: as many as do not cover each other. */

const HEIGHT = 0.08;
const LETTER = 0.017;

/**
 * Point -> where its name stands; points whose name would cover another one have none.
 *
 * @param points those that may have a name, the most important first; `name` gives it
 * @param all every point that is drawn, because they decide how far the axes reach; `log` is whether the costs' axis is one
 */
export function labelled(points, name, all, log) {
  const [x, y] = [place(all.map(({ cost }) => cost), log ? Math.log : Number), place(all.map(({ score }) => score), Number)];
  const taken = [];
  const named = new Map();
  for (const point of points) {
    const [from, height, width] = [x(point.cost), y(point.score), LETTER * name(point).length];
    const left = from + width > 1;
    const box = { from: left ? from - width : from, to: left ? from : from + width, height };
    if (taken.some((other) => Math.abs(other.height - height) < HEIGHT && other.from < box.to && box.from < other.to)) continue;
    taken.push(box);
    named.set(point, left ? "top left" : "top right");
  }
  return named;
}

/** A value as a share of the way from the least to the greatest. */
function place(values, scale) {
  const [low, high] = [scale(Math.min(...values)), scale(Math.max(...values))];
  return (value) => (high > low ? (scale(value) - low) / (high - low) : 0);
}
