"""What of a page is cut, overlaps or leaves its place, at the widths of tablets and screens."""

from typing import Any

from playwright.sync_api import Page

# 410, 590 and 720 are 820, 1180 and 1440 at 200 %.
WIDTHS = (410, 590, 720, 820, 1180, 1440)

# What leaves the page, its frame or its neighbours. On a screen narrower than a
# tablet, a table moves sideways in its own frame.
_WRONG = """() => {
    const wrong = [];
    const say = (what, part) => wrong.push(`${what}: ${part.outerHTML.replace(/\\s+/g, " ").slice(0, 160)}`);
    if (document.documentElement.scrollWidth > innerWidth) {
        wrong.push(`the page is ${document.documentElement.scrollWidth} px wide`);
    }
    for (const tabs of document.querySelectorAll(".tabs")) {
        if (tabs.checkVisibility() && tabs.scrollWidth > tabs.clientWidth + 1) say("cut", tabs);
    }
    for (const table of document.querySelectorAll(".table")) {
        if (innerWidth >= 820 && table.scrollWidth > table.clientWidth + 1) say("moves sideways", table);
    }
    for (const part of document.querySelectorAll("main *, #content *, header *")) {
        const isExempt = part.closest(".visually-hidden, .table, svg, .inline-group, .skip-to-content-link");
        if (isExempt || !part.checkVisibility()) continue;
        const box = part.getBoundingClientRect();
        if (box.width < 2) continue;
        if (box.right > innerWidth + 1 || box.left < -1) say("outside the page", part);
        const frame = part.parentElement.closest(".seat, .felt, .facts > div, .card, .player, .pill, .notice");
        // Around a link there is room for the finger.
        const right = box.right - (part.matches("a") ? parseFloat(getComputedStyle(part).paddingRight) : 0);
        if (frame && right > frame.getBoundingClientRect().right + 1) say("outside its frame", part);
    }
    for (const row of document.querySelectorAll(".tabs, .summary, .headline, .facts, .seat-figures, .seat-top, .bar")) {
        const boxes = [...row.children].filter(child => child.checkVisibility() && !child.matches(".visually-hidden"))
            .map(child => child.getBoundingClientRect()).filter(box => box.width > 1);
        boxes.forEach((one, at) => boxes.slice(at + 1).forEach(other => {
            const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
            const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
            if (across > 1 && down > 1) say("overlapping", row);
        }));
    }
    return [...new Set(wrong)];
}"""


def wrong_at_widths(page: Page) -> dict[int, Any]:
    """What is wrong with the shown page at each width; no key for a width where nothing is."""
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 1000})
        if wrong := page.evaluate(_WRONG):
            found[width] = wrong
    return found
