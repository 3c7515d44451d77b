// Runs before the first paint, so that neither the wrong theme nor the wrong language flashes.
(function () {
  var root = document.documentElement;
  var stored = {};
  try {
    stored = JSON.parse(localStorage.getItem("trainshed.preferences") || "{}");
  } catch (_) {
    stored = {};
  }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  var theme = stored.theme === "dark" || stored.theme === "light" ? stored.theme : dark ? "dark" : "light";
  var language = stored.language || (/^zh/i.test(navigator.language) ? "zh" : "en");
  root.dataset.theme = theme;
  root.lang = language === "zh" ? "zh-CN" : "en";
})();
