/* Show what a form would change while it is typed: its page at another address, of which one piece is taken.

   Without this script a button of the form asks for the same page. */
"use strict";
{
    const DELAY_MILLISECONDS = 400;
    const PATIENCE_SECONDS = 10;

    document.querySelectorAll("form[data-preview]").forEach((form) => {
        let waiting = null;
        let under = new AbortController();
        const preview = document.getElementById("preview");

        const show = (...content) => {
            preview.replaceChildren(...content);
            preview.ariaBusy = "false";
        };
        const say = (words) => {
            const line = document.createElement("p");
            line.textContent = words;
            show(line);
        };
        const ask = async () => {
            const { signal } = under;
            try {
                const response = await fetch(form.dataset.preview, {
                    method: "POST",
                    body: new URLSearchParams(new FormData(form)),
                    redirect: "manual",
                    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_SECONDS * 1000)]),
                });
                if (response.type === "opaqueredirect") {
                    say("You were signed out: reload the page to sign in again.");
                    return;
                }
                const page = new DOMParser().parseFromString(await response.text(), "text/html");
                const fresh = page.getElementById("preview");
                if (!response.ok || !fresh) {
                    throw new Error("No answer");
                }
                if (!signal.aborted) {
                    show(...document.adoptNode(fresh).childNodes);
                }
            } catch {
                if (!signal.aborted) {
                    say("No answer: what the correction would change is not known. Press Preview to try again.");
                }
            }
        };
        /* What was shown is no longer of what is typed, nor is an answer that is still under way. */
        const askSoon = () => {
            under.abort();
            under = new AbortController();
            preview.ariaBusy = "true";
            clearTimeout(waiting);
            waiting = setTimeout(ask, DELAY_MILLISECONDS);
        };
        form.addEventListener("input", askSoon);
        /* On a slow network, something may be typed before this script has loaded. */
        if ([...form.querySelectorAll("input[type=text]")].some((field) => field.value !== field.defaultValue)) {
            askSoon();
        }
    });
}
