/* The floor's one script: a clock, a map that refreshes itself, and a search as it is typed.

   Every page works without it. It only fetches pieces of the page that it is on. */
"use strict";
{
    const REFRESH_SECONDS = 15;
    const PATIENCE_SECONDS = 10;
    const SEARCH_DELAY_MILLISECONDS = 250;

    /* Fetch a piece of a page; null if the tablet already shows it.
       Throws if it cannot be fetched, with `signedOut` if the session has ended. */
    async function piece(address, headers, signal) {
        const limit = AbortSignal.timeout(PATIENCE_SECONDS * 1000);
        const either = signal ? AbortSignal.any([limit, signal]) : limit;
        const response = await fetch(address, { headers, cache: "no-store", redirect: "manual", signal: either });
        if (response.status === 304) {
            return { response, pieces: null };
        }
        if (!response.ok) {
            const error = new Error("No answer");
            error.signedOut = response.type === "opaqueredirect";
            throw error;
        }
        const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
        return { response, pieces: parsed.querySelectorAll("[data-refreshed]") };
    }

    /* Replace each element by the fetched piece with the same id, and keep the focus. */
    function replace(pieces) {
        const focused = document.activeElement;
        for (const fresh of pieces) {
            const old = document.getElementById(fresh.id);
            if (!old) {
                continue;
            }
            const keepsFocus = focused && old.contains(focused) && focused.id;
            old.replaceWith(document.adoptNode(fresh));
            if (keepsFocus) {
                document.getElementById(focused.id)?.focus({ preventScroll: true });
            }
        }
    }

    function runClock(clock) {
        const ahead = Date.parse(clock.dateTime) - Date.now();
        const format = new Intl.DateTimeFormat("en-GB", {
            timeZone: clock.dataset.zone,
            hour: "2-digit",
            minute: "2-digit",
        });
        const tick = () => {
            const text = format.format(Date.now() + ahead);
            if (clock.textContent !== text) {
                clock.textContent = text;
            }
        };
        setInterval(tick, 1000);
    }

    function keepFresh(region) {
        const shown = document.querySelector("[data-freshness] time");
        const lost = document.querySelector("[data-lost]");
        let tag = null;
        let isBusy = false;

        const say = (words, link) => {
            if (lost.textContent === words + (link ? link.text : "")) {
                return;
            }
            lost.textContent = words;
            if (link) {
                lost.append(link);
            }
            lost.hidden = !words;
        };

        const refresh = async () => {
            if (document.hidden || isBusy) {
                return;
            }
            isBusy = true;
            try {
                const { response, pieces } = await piece(region.dataset.refresh, tag ? { "If-None-Match": tag } : {});
                if (pieces) {
                    replace(pieces);
                    tag = response.headers.get("ETag");
                }
                shown.textContent = response.headers.get("X-Floor-At");
                say("");
            } catch (error) {
                if (error.signedOut) {
                    const link = document.createElement("a");
                    link.href = location.pathname;
                    link.textContent = "Sign in again";
                    say(`You were signed out. Showing ${shown.textContent}. `, link);
                } else {
                    say(`Connection lost. Showing ${shown.textContent}; trying again.`);
                }
            } finally {
                isBusy = false;
            }
        };
        setInterval(refresh, REFRESH_SECONDS * 1000);
        document.addEventListener("visibilitychange", refresh);
        window.addEventListener("online", refresh);
        /* The back button may show an outdated page from the browser's cache. */
        window.addEventListener("pageshow", (event) => event.persisted && refresh());
    }

    function searchAsTyped(field) {
        let waiting = null;
        let under = new AbortController();
        const search = async () => {
            under.abort();
            under = new AbortController();
            const address = `${field.dataset.search}&q=${encodeURIComponent(field.value)}`;
            try {
                const { pieces } = await piece(address, {}, under.signal);
                replace(pieces);
            } catch (error) {
                if (error.name !== "AbortError") {
                    const head = document.querySelector("#floor-players .results-head");
                    head.textContent = error.signedOut
                        ? "You were signed out: reload the page to sign in again."
                        : "The search got no answer. Press Search to try again.";
                }
            }
        };
        const searchSoon = () => {
            clearTimeout(waiting);
            waiting = setTimeout(search, SEARCH_DELAY_MILLISECONDS);
        };
        field.addEventListener("input", searchSoon);
        /* On a slow network, a name may be typed before this script has loaded. */
        if (field.value !== field.defaultValue) {
            searchSoon();
        }
    }

    document.querySelectorAll("[data-clock]").forEach(runClock);
    document.querySelectorAll("[data-refresh]").forEach(keepFresh);
    document.querySelectorAll("[data-search]").forEach(searchAsTyped);
}
