// Airflow's own choice of light or dark, also when it changes while the page is shown. Without it: the system's.
(function () {
  "use strict";
  var root = document.documentElement;

  function airflows() {
    try {
      if (window.parent !== window) {
        var above = window.parent.document.documentElement;
        if (above.classList.contains("dark")) return "dark";
        if (above.classList.contains("light")) return "light";
      }
      return window.localStorage.getItem("theme");
    } catch (refused) {
      return null;
    }
  }

  function apply() {
    var theme = airflows();
    if (theme === "dark" || theme === "light") root.setAttribute("data-theme", theme);
    else root.removeAttribute("data-theme");
  }

  apply();
  window.addEventListener("storage", apply);
  try {
    if (window.parent !== window) {
      new MutationObserver(apply).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
    }
  } catch (refused) {
    // Shown in a frame of another origin: the system's choice stays.
  }
})();
