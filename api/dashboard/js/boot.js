// Runs before the first paint: the theme that was chosen here before, so that a dark page never flashes white.
try {
  const theme = localStorage.getItem("distillery.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's theme is good enough.
}
