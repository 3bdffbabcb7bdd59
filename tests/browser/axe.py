"""axe-core, run on the page that a browser shows: the violations of WCAG 2.2 A and AA, in words."""

from playwright.sync_api import BrowserContext, Page

from tests.needs import AXE

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


# Only what is asked for leaves the browser: all that axe-core looked at is megabytes.
_LOOK = """async options => {
    const found = await axe.run(document, options);
    const told = found.violations.flatMap(violation => violation.nodes.map(
        node => `${violation.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
    return [found.passes.length, told];
}"""


def bring_axe(context: BrowserContext) -> None:
    """Have axe-core on every page of the context from its beginning; else each look at a page sends it there."""
    context.add_init_script(path=AXE)


def violations_on(page: Page, *, colours_alone: bool = False) -> list[str]:
    """What axe-core finds on the page as it is now, an element a line; nothing else changes between light and dark."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    # Without `preload`, axe-core would put style sheets of its own into the page, which the policy refuses.
    options = {
        "runOnly": {"type": "rule", "values": ["color-contrast"]} if colours_alone else {"type": "tag", "values": TAGS},
        "resultTypes": ["violations"],
        "preload": False,
    }
    passes, violations = page.evaluate(_LOOK, options)
    assert passes, "axe-core looked at nothing"
    return list(violations)
