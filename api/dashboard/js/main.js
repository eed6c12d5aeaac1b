/** The dashboard begins: take up the session, draw the frame, show the page of the address. */

import { fill, h } from "./lib/dom.js";
import { search, whenSignedOut } from "./net/api.js";
import { forget, restore, session } from "./net/session.js";
import { problemNotice } from "./ui/notice.js";
import { drawShell, lacking } from "./ui/shell.js";
import { language, speak, t } from "./lib/text.js";
import { go, start } from "./router.js";

const SIGN_IN = "/sign-in";

/** Where a visitor without a session is sent, with the way back. */
function signInAddress(ended = false) {
  const from = location.pathname + location.search;
  return SIGN_IN + search({ next: from === "/" || from.startsWith(SIGN_IN) ? null : from, ended: ended ? 1 : null });
}

function before(path) {
  if (!session() && path !== SIGN_IN) return signInAddress();
  drawShell(path, () => go(SIGN_IN));
  return null;
}

whenSignedOut(() => {
  if (!session()) return;
  forget();
  go(signInAddress(true), { replace: true });
});

async function begin() {
  document.documentElement.lang = language;
  await speak("frame");
  try {
    await restore();
  } catch (problem) {
    const again = h("button", { class: "button", type: "button", on: { click: () => location.reload() } }, t("problem.again"));
    return fill(document.getElementById("main"), h("div", { class: "blank" }, problemNotice(problem), again));
  }
  return start(before, (path) => (session() ? lacking(path) : null));
}

await begin();
