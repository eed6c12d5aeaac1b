/** Elements without markup: text is always a text node, so nothing that the service says can become HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with properties and children.
 *
 * `on` holds listeners and `vars` custom properties of CSS; everything else is an attribute. True writes an empty
 * attribute; false, null and undefined write none. Children may be nested lists; false and null are left out.
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** As `h`, for drawings. */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, { on = {}, vars = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  for (const [type, listener] of Object.entries(on)) element.addEventListener(type, listener);
  for (const [name, value] of Object.entries(vars)) element.style.setProperty(`--${name}`, value);
  element.append(...nodes(children));
  return element;
}

/** Write, or take away, one attribute. */
export function setAttribute(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Put these children in the place of all others. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

/**
 * Redraw a part only when what it shows has changed, so that focus, selection and scroll position survive a refresh.
 *
 * @param key what the part shows, as anything that JSON can say
 * @param draw gives the new children
 */
export function redraw(element, key, draw) {
  const text = JSON.stringify(key) ?? "";
  if (drawn.get(element) === text) return;
  drawn.set(element, text);
  fill(element, draw());
}

const drawn = new WeakMap();
