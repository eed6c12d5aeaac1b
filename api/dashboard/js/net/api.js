/** Requests to /v1 of the service that served this page, and its refusals as one type. */

/** A refusal (RFC 9457), or with `status` 0 a service that could not be reached. */
class Problem extends Error {
  constructor(status, { detail, title, code, request_id: requestId, errors = [] } = {}) {
    super(detail || title || `HTTP ${status}`);
    Object.assign(this, { status, code: code ?? (status ? "unknown" : "offline"), requestId, errors });
  }
}

let csrfToken = null;
let signedOut = () => {};

/** Take the token that every change has to carry. */
export function useToken(token) {
  csrfToken = token;
}

/** Say what shall happen when the service no longer knows us. */
export function whenSignedOut(action) {
  signedOut = action;
}

export const get = (path, { signal, query } = {}) => request("GET", path + search(query), { signal });
export const post = (path, body, headers) => request("POST", path, { body, headers });
export const remove = (path) => request("DELETE", path, {});

/** A query string; lists become repeated parameters, and what is empty is left out. */
export function search(query = {}) {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((item) => [name, item]));
  const text = new URLSearchParams(pairs.filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return text.size ? `?${text}` : "";
}

/** A key that makes a repeated POST harmless; `crypto.randomUUID` is missing on plain HTTP. */
export function idempotencyKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function request(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

async function send(method, path, { signal, body, headers = {} }) {
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken) sent["X-CSRF-Token"] = csrfToken;
  const response = await fetched(path, { method, signal, headers: sent, body: body && JSON.stringify(body) });
  if (response.ok) return response;
  const problem = new Problem(response.status, await response.json().catch(() => ({})));
  if (response.status === 401 && !path.startsWith("/v1/session")) signedOut(problem);
  throw problem;
}

async function fetched(path, options) {
  try {
    return await fetch(path, { ...options, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
}
