// Opens the print window of a page that was asked for to be printed, and again at a button.
"use strict";

addEventListener("load", () => {
    for (const button of document.querySelectorAll("[data-print]")) {
        button.hidden = false;
        button.addEventListener("click", () => print());
    }
    print();
});
