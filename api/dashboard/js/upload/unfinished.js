/** Uploads that were begun and not ended, on this page or by another client: choosing their file again goes on with them. */

import { h, redraw } from "../lib/dom.js";
import { bytes, moment } from "../lib/format.js";
import { t } from "../lib/text.js";
import { remove } from "../net/api.js";
import { everything } from "../net/listing.js";

/** @returns {element, taken}: `taken(source)` hides the one that a file goes on with */
export function unfinished() {
  const element = h("div", { class: "unfinished" });
  let found = [];

  const draw = () => redraw(element, found.map(({ id }) => id), () => found.length > 0 && [
    h("h3", {}, t("upload.unfinished")), h("p", { class: "note" }, t("upload.unfinishedHint")), h("ul", {}, found.map(entry))]);

  function entry(upload) {
    const discard = () => remove(`/v1/uploads/${upload.id}`).then(() => drop(upload.id), () => read());
    return h("li", {}, h("strong", {}, upload.name), h("span", { class: "note" }, t("upload.begun", { size: bytes(upload.bytes), time: moment(upload.created_at) })),
      h("button", { class: "button small", type: "button", "aria-label": t("upload.discardOf", { name: upload.name }), on: { click: discard } }, t("upload.discard")));
  }

  function drop(id) {
    found = found.filter((upload) => upload.id !== id);
    draw();
  }

  async function read() {
    found = await everything("/v1/uploads", { status: "open" }).catch(() => []); // a convenience: without it nothing is lost
    draw();
  }

  function taken({ name, blob }) {
    found = found.filter((upload) => upload.name !== name || upload.bytes !== blob.size);
    draw();
  }

  read();
  return { element, taken };
}
