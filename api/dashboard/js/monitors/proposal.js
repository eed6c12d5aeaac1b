/** The new distillation that is proposed after a drift: read when it is asked for, and submitted by one press. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { get, post } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { acting } from "../ui/acting.js";
import { icon } from "../ui/icons.js";
import { notice, sentence } from "../ui/notice.js";
import { go } from "../router.js";

/** @param latest the re-evaluation that proposes it */
export function proposal(latest) {
  const obstacles = h("div");
  const { button, trouble } = acting(() => {});

  /** Pressed twice, here or in another window, it makes one job. */
  async function submit() {
    const { proposal: offered } = await get(latest.urls.self);
    const problems = offered?.problems ?? [];
    obstacles.replaceChildren(...problems.map(({ detail }) => notice("bad", h("p", {}, sentence(detail)))));
    if (!offered?.spec || problems.length) return false;
    const made = await post("/v1/jobs", offered.spec, { "Idempotency-Key": `proposal-${latest.id}` });
    announce(t("monitors.submitted"));
    go(`/jobs/${made.id}`);
    return false;
  }

  return h("div", { class: "proposal" },
    h("p", {}, t("monitors.proposal", { version: latest.dataset_version })),
    obstacles, trouble,
    may("jobs:write") && button([icon("plus"), t("monitors.submit")], submit, "primary"));
}
