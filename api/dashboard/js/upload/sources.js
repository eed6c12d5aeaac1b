/** What somebody picked or dropped, as it is sent: files as they are, a folder as one tar without what is hidden. */

import { tar } from "./tar.js";

const ALONE_MOST = 50;

/** Files of an `<input type=file>`, each with its path; a folder's files begin with the folder's name. */
export const picked = (files) => Array.from(files, (file) => ({ path: file.webkitRelativePath || file.name, file }));

/** Files of a drop, those in folders included. */
export async function dropped(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.length ? (await Promise.all(entries.map(within))).flat() : picked(transfer.files);
}

/**
 * What is to be sent, as `{name, blob, files}`.
 *
 * Files that lie beside each other stay so, because an archive among them is opened only then; very many become one tar.
 */
export function sources(picks) {
  const seen = picks.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  const folders = Map.groupBy(seen, ({ path }) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : ""));
  const plain = folders.get("") ?? [];
  folders.delete("");
  const packed = Array.from(folders, ([name, members]) => packedAs(`${name}.tar`, members, name.length + 1));
  if (plain.length > ALONE_MOST) return [...packed, packedAs("files.tar", plain, 0)];
  return [...packed, ...plain.map(({ file }) => ({ name: file.name, blob: file, files: 1 }))];
}

function packedAs(name, members, from) {
  return { name, blob: tar(members.map(({ path, file }) => ({ path: path.slice(from), file }))), files: members.length };
}

async function within(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) return [{ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }];
  const found = [];
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(within))).flat());
  }
}
