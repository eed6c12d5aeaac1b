/** Words of the sign-in page. */

export default {
  "signin.title": "Sign in",
  "signin.key": "API key",
  "signin.hint": "On your own machine, “distill up” keeps your key in client.json in its home folder (~/.distillery).",
  "signin.submit": "Sign in",
  "signin.show": "Show",
  "signin.hide": "Hide",
  "signin.wrong": "This key is not known here: it is mistyped, revoked or expired. Copy it again, or ask for another one.",
  "signin.empty": "Enter an API key; it begins with dk_.",
  "signin.ended": "Your session has ended. Sign in again to go on where you were.",
};
