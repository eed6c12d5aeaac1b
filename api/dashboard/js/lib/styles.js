/** Styles of one page, loaded with it: what others look like costs nothing until they are seen, and never mixes in. */

const sheets = new Map();

/** Load the style sheets of these rooms. */
export function dress(...rooms) {
  for (const room of rooms) if (!sheets.has(room)) sheets.set(room, sheet(room));
  return Promise.all(rooms.map((room) => sheets.get(room).settled));
}

/** Let the sheets of these rooms count, and those of all other pages rest. */
export function wear(...rooms) {
  for (const [room, { link }] of sheets) if (link.sheet) link.sheet.disabled = !rooms.includes(room);
}

function sheet(room) {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: `/css/${room}.css` });
  const settled = new Promise((resolve) => {
    link.onload = link.onerror = resolve;
  });
  document.head.append(link);
  return { link, settled };
}
