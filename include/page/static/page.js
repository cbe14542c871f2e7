// Conveniences only: everything works without this file.
(function () {
  "use strict";
  var framed = window.parent !== window;

  // Airflow's frame allows no new tabs; a link of the window around it does.
  function openOutside(address) {
    var above = window.parent.document;
    var link = above.createElement("a");
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener";
    above.body.appendChild(link);
    link.click();
    link.remove();
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("a[data-outside]") : null;
    if (!link || !framed) return;
    try {
      openOutside(link.href);
      event.preventDefault();
    } catch (refused) {
      // The browser follows the link by itself.
    }
  });

  document.querySelectorAll("input[data-all]").forEach(function (all) {
    all.closest("[hidden]").hidden = false;
    var boxes = document.querySelectorAll('input[name="' + all.getAttribute("data-all") + '"]');
    all.addEventListener("change", function () {
      boxes.forEach(function (box) {
        box.checked = all.checked;
      });
    });
  });

  // A change that takes its time (Intuit is asked): the button says so, and a second click does nothing.
  document.addEventListener("submit", function (event) {
    var button = event.submitter;
    if (!button || event.target.method !== "post") return;
    if (button.getAttribute("aria-busy") === "true") event.preventDefault();
    else button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll('button[aria-busy="true"]').forEach(function (button) {
      button.removeAttribute("aria-busy");
    });
  });

  // Retries under way: ask every two seconds until all are done.
  function watched() {
    return Array.prototype.slice.call(document.querySelectorAll("[data-progress]"));
  }

  function working() {
    return watched().filter(function (each) {
      return each.getAttribute("data-state") === "working";
    });
  }

  var address = document.body.getAttribute("data-progress-at");
  var left = 150;

  function ask() {
    if (!working().length || left-- <= 0) return;
    fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } })
      .then(function (answer) {
        return answer.ok ? answer.json() : {};
      })
      .then(function (states) {
        working().forEach(function (each) {
          var now = states[each.getAttribute("data-progress")];
          if (!now || now.state === "working") return;
          each.textContent = now.words;
          each.setAttribute("data-state", now.state);
        });
        var done = document.querySelector("[data-when-done]");
        if (done && !working().length) done.hidden = false;
      })
      .catch(function () {
        // Asked again in a moment.
      })
      .then(function () {
        window.setTimeout(ask, 2000);
      });
  }
  if (address && working().length) window.setTimeout(ask, 1500);
})();
