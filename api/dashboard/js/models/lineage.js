/** What a version was made from and what came of it, as a drawn graph, and the same in words. */

import { h, s, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { notice } from "../ui/notice.js";
import { heights, layered } from "./layers.js";

const [WIDTH, HEIGHT, ACROSS, DOWN, EDGE] = [184, 64, 56, 16, 8];
const BEND = 24;
const ICONS = { model: "model", job: "job", dataset: "dataset", builtin_dataset: "dataset", architecture: "architecture", upload: "file", import: "file" };
const LEARNT = new Set(["made", "init"]);

export function lineage(state) {
  const drawing = h("div", { class: "lineage", role: "group", "aria-label": t("model.lineage.title") });
  const [words, cut, key] = [h("div", { class: "pair" }), h("div"), h("ul", { class: "legend" })];
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("model.lineage.title"))), cut, drawing, key, words);
  let places = null;
  const draw = () => {
    const first = !places;
    places = placed(state.lineage.nodes, state.lineage.edges, state.lineage.root);
    if (first) requestAnimationFrame(() => centre(drawing, places.points.get(state.lineage.root)));
    return drawn(state.lineage, places);
  };
  const update = () => {
    const { nodes, edges, root, truncated } = state.lineage;
    const focused = drawing.contains(document.activeElement) && document.activeElement.getAttribute("href");
    redraw(cut, truncated, () => truncated && notice("warn", h("p", {}, t("model.lineage.truncated"))));
    redraw(drawing, [nodes, edges, root], draw);
    if (focused && !drawing.contains(document.activeElement)) [...drawing.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    redraw(key, edges, () => legend(edges));
    redraw(words, [nodes, edges, root], () => told(nodes, edges, root));
  };
  return { element, update };
}

/** What the page is about is seen first, however wide the graph is. */
function centre(box, { left, right, y }) {
  box.scrollLeft = (left + right - box.clientWidth) / 2;
  box.scrollTop = y - box.clientHeight / 2;
}

/** Where each node and bend stands, in pixels. */
function placed(nodes, edges, root) {
  const { layers, chains } = layered(nodes.map((node) => node.id), edges, root);
  const known = new Set(nodes.map((node) => node.id));
  const size = (id) => (known.has(id) ? HEIGHT + DOWN : BEND);
  const y = heights(layers, chains, (a, b) => (size(a) + size(b)) / 2);
  const points = new Map(layers.flatMap((layer, depth) => layer.map((id) => {
    const left = EDGE + depth * (WIDTH + ACROSS);
    return [id, { left, right: left + WIDTH, y: EDGE + HEIGHT / 2 + y.get(id) }];
  })));
  const lowest = Math.max(...[...points].map(([id, point]) => point.y + (known.has(id) ? HEIGHT / 2 : 0)));
  return { points, chains, width: 2 * EDGE + layers.length * (WIDTH + ACROSS) - ACROSS, height: lowest + EDGE };
}

function drawn({ nodes, edges, root }, { points, chains, width, height }) {
  const line = (edge, index) => s("path", { class: `edge ${toneOf(edge)}`, "marker-end": "url(#arrowhead)", d: curve(chains[index].map((id) => points.get(id))) });
  const place = ({ id }) => ({ left: `${points.get(id).left}px`, top: `${points.get(id).y - HEIGHT / 2}px` });
  const inOrder = nodes.toSorted((one, other) => points.get(one.id).left - points.get(other.id).left || points.get(one.id).y - points.get(other.id).y);
  return h("div", { class: "canvas", vars: { width: `${width}px`, height: `${height}px` } },
    s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, arrow(), edges.map(line)),
    h("ol", {}, inOrder.map((node) => h("li", { vars: place(node) }, card(node, node.id === root)))));
}

const TIP = { id: "arrowhead", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" };
const arrow = () => s("defs", {}, s("marker", TIP, s("path", { d: "M0 0L8 4L0 8z" })));

/** From right edge to left edge, level at each end; through bends it stays level for their width. */
function curve(points) {
  const step = (a, b) => `C${a.right + ACROSS / 2} ${a.y} ${b.left - ACROSS / 2} ${b.y} ${b.left} ${b.y}`;
  const [first, ...rest] = points;
  return rest.reduce((path, point, index) => `${path}${step(points[index], point)}${index < rest.length - 1 ? `H${point.right}` : ""}`, `M${first.right} ${first.y}`);
}

const toneOf = ({ role }) => (role === "teacher" ? "teacher" : LEARNT.has(role) ? "learnt" : "plain");

const STROKES = { learnt: ["student", ""], teacher: ["teacher", "dashed"], plain: ["edge", "thin"] };

/** The strokes that are there. */
function legend(edges) {
  const seen = new Set(edges.map(toneOf));
  return Object.entries(STROKES).filter(([tone]) => seen.has(tone)).map(([tone, [hue, kind]]) =>
    h("li", {}, h("span", { class: `swatch ${kind}`.trim(), vars: { hue: `var(--${hue})` } }), t(`model.lineage.edge.${tone}`)));
}

function card(node, here) {
  const said = [h("span", { class: "kind" }, icon(ICONS[node.kind] ?? "file"), kindOf(node)), h("strong", {}, nameOf(node))];
  const address = addressOf(node);
  const properties = { class: `node ${here ? "here" : ""}`.trim(), title: nameOf(node), "aria-current": here && "true" };
  return address ? h("a", { ...properties, href: address }, said) : h("span", properties, said);
}

/** What it is, and how it stands where that is news. */
function kindOf(node) {
  const kind = t(`model.lineage.kind.${node.kind}`);
  if (node.deleted) return t("model.lineage.stands", { kind, status: t("model.lineage.deleted") });
  return node.status && node.status !== "ready" ? t("model.lineage.stands", { kind, status: t(`status.${node.status}`) }) : kind;
}

function nameOf(node) {
  const name = node.name ?? node.id;
  return node.version === undefined ? name : t("model.lineage.version", { name, number: node.version });
}

function addressOf(node) {
  if (node.deleted) return null;
  const [id] = node.id.split("/");
  const pages = { model: `/models/${id}?version=${node.version}`, job: `/jobs/${id}`, dataset: `/datasets/${id}?version=${node.version}` };
  return pages[node.kind] ?? null;
}

/** The same as lists: every step that leads to the version, and every step that leads on from it. */
function told(nodes, edges, root) {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const [above, below] = [reach(edges, root, "to", "from"), reach(edges, root, "from", "to")];
  const beside = edges.filter((edge) => !above.includes(edge) && !below.includes(edge));
  const list = (found, far) => h("ul", { class: "trail" }, found.map((edge) => step(edge, known, far)));
  const part = (title, found, far, none) => h("div", {}, h("h3", {}, title), found.length ? list(found, far) : h("p", { class: "note" }, none));
  return [
    part(t("model.lineage.from"), above, "from", t("model.lineage.none.from")),
    part(t("model.lineage.by"), below, "to", t("model.lineage.none.by")),
    beside.length > 0 && part(t("model.lineage.beside"), beside, "from"),
  ];
}

function reach(edges, root, near, far) {
  const [seen, found, waiting] = [new Set(), [], [root]];
  while (waiting.length) {
    const id = waiting.shift();
    if (seen.has(id)) continue;
    seen.add(id);
    for (const edge of edges.filter((one) => one[near] === id)) {
      found.push(edge);
      waiting.push(edge[far]);
    }
  }
  return found;
}

/** One step: the far end as a link, and what it was for the near one. */
function step(edge, known, far) {
  const node = known.get(edge[far]);
  const address = addressOf(node);
  const name = address ? h("a", { href: address }, nameOf(node)) : nameOf(node);
  const other = known.get(edge[far === "from" ? "to" : "from"]);
  const note = (words) => h("span", { class: "note" }, words);
  return h("li", {}, icon(ICONS[node.kind] ?? "file"), h("span", {}, note(kindOf(node)), " ", name, " ", note(roleOf(edge, far, nameOf(other)))));
}

const WAS = new Set(["dataset", "teacher", "init", "source", "made"]);
const TOOK = new Set(["teacher", "init", "made"]);

/** What the far end was for the near one, or with what it took it. */
function roleOf({ role }, far, name) {
  const said = (known) => (known.has(role) ? role : "other");
  return far === "from" ? t(`model.lineage.was.${said(WAS)}`, { name, role }) : t(`model.lineage.took.${said(TOOK)}`, { name, role });
}
