/** What happened, for those who listen: one polite live region for the whole page. */

/** Say a sentence. */
export function announce(sentence) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  // A moment apart, so that the same sentence twice is heard twice.
  setTimeout(() => (region.textContent = sentence), 50);
}
