// Folds open and close together, and all are open on paper. Nothing else runs here.
"use strict";
(() => {
  const folds = () => Array.from(document.querySelectorAll("details"));
  const button = document.getElementById("fold");
  let open = false;
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      open = !open;
      folds().forEach((fold) => { fold.open = open; });
      button.textContent = open ? "Close all folds" : "Open all folds";
    });
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = folds().filter((fold) => !fold.open);
    closed.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((fold) => { fold.open = false; }));
})();
