/** Who is signed in: a cookie that scripts cannot read holds the session, this holds what the page may know. */

import { get, post, remove, useToken } from "./api.js";

const MARK = "distillery.signed-in"; // not a secret: it only saves a request that would be refused

let current = null;

/** The session, or null. */
export const session = () => current;

/** Scope -> the wider one that grants it, too; `operate` is nobody's part. */
const GRANTED_BY = { "jobs:read": "admin", "jobs:write": "admin", metrics: "operate" };

/** Whether one of these scopes was granted; what a key forbids is not offered. */
export function may(...scopes) {
  return Boolean(current) && scopes.some((scope) => current.scopes.includes(scope) || current.scopes.includes(GRANTED_BY[scope]));
}

/** Take up the session of an earlier page, if this browser had one. Gives null where there is none. */
export async function restore() {
  return remembered() ? adopt(await get("/v1/session").catch(refused)) : null;
}

/** Sign in with a key; without one, where the service runs without keys. */
export async function signIn(key) {
  return adopt(key ? await post("/v1/session", { key }) : await get("/v1/session"));
}

/** Give the cookie back. */
export async function signOut() {
  await remove("/v1/session").catch(refused);
  forget();
}

/** The service no longer knows us. */
export function forget() {
  adopt(null);
}

function adopt(found) {
  current = found;
  useToken(found?.csrf_token ?? null);
  remember(Boolean(found));
  return found;
}

function refused(problem) {
  if (problem.status === 401 || problem.status === 403) return null;
  throw problem;
}

function remembered() {
  try {
    return localStorage.getItem(MARK) === "1";
  } catch {
    return true;
  }
}

function remember(yes) {
  try {
    if (yes) localStorage.setItem(MARK, "1");
    else localStorage.removeItem(MARK);
  } catch {
    // Storage may be forbidden: then every page asks the service.
  }
}
