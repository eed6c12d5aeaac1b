/** Sign in with an API key: it is sent once and becomes a cookie that no script can read. */

import { h, fill, setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { session, signIn } from "../net/session.js";
import { problemText } from "../ui/notice.js";
import { brand, front, languageSwitch } from "../ui/shell.js";
import { themeButton } from "../ui/theme.js";
import { go, title } from "../router.js";

export function enter(main) {
  const query = new URLSearchParams(location.search);
  const onward = () => go(safe(query.get("next")), { replace: true });
  if (session()) return void onward();
  title(t("signin.title"));
  fill(main, h("div", { class: "signin" }, h("section", { class: "panel" },
    h("div", { class: "top-line" }, brand(), languageSwitch(), themeButton()),
    h("h1", {}, t("signin.title")),
    query.has("ended") && h("p", { class: "warn", role: "status" }, t("signin.ended")),
    form(onward))));
  return undefined;
}

function form(onward) {
  const input = h("input", { id: "key", type: "password", name: "key", autocomplete: "current-password", "data-focus": true,
    spellcheck: "false", autocapitalize: "off", placeholder: "dk_…", "aria-describedby": "key-hint key-error" });
  const error = h("p", { class: "error", id: "key-error", role: "alert" });
  const button = h("button", { class: "button primary", type: "submit" }, t("signin.submit"));

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    fill(error);
    try {
      await signIn(input.value.trim());
      input.value = "";
      await onward();
    } catch (problem) {
      fill(error, words(problem, input.value));
      setAttribute(input, "aria-invalid", "true");
      input.focus();
    } finally {
      button.disabled = false;
    }
  }

  return h("form", { on: { submit } },
    h("input", { type: "text", name: "username", autocomplete: "username", value: "API key", hidden: true }),
    h("div", { class: "field" },
      h("label", { for: "key" }, t("signin.key")),
      h("div", { class: "reveal" }, input, reveal(input)),
      h("p", { class: "note", id: "key-hint" }, t("signin.hint")),
      error),
    button);
}

function words(problem, typed) {
  if (problem.status === 401) return t(typed.trim() ? "signin.wrong" : "signin.empty");
  return problemText(problem);
}

function reveal(input) {
  const button = h("button", { class: "button", type: "button", "aria-pressed": "false" }, t("signin.show"));
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    setAttribute(button, "aria-pressed", String(shown));
    fill(button, t(shown ? "signin.hide" : "signin.show"));
  });
  return button;
}

/** Only addresses of this service: a link must not lead elsewhere after the sign-in. */
function safe(address) {
  return address && /^\/(?![/\\])/.test(address) ? address : front();
}
