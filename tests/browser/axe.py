"""axe-core, run on the page that a browser shows: the violations of WCAG 2.2 A and AA, in words."""

from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.browser.needs import AXE

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def bring_axe(context: BrowserContext) -> None:
    """Have axe-core on every page of the context from its beginning; else each look at a page sends it there."""
    context.add_init_script(path=AXE)


def violations_on(page: Page) -> list[str]:
    """What axe-core finds on the page as it is now, an element a line."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    # Without `preload`, axe-core would put style sheets of its own into the page, which the policy refuses.
    options = {
        "runOnly": {"type": "tag", "values": TAGS},
        "resultTypes": ["violations", "incomplete"],
        "preload": False,
    }
    found: Any = page.evaluate("options => axe.run(document, options)", options)
    assert found["passes"], "axe-core looked at nothing"
    return [
        f"{violation['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
