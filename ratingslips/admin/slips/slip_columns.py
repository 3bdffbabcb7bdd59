"""What the list and the page of slips show of a slip."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.console import display
from core.console.confirmation import version_field
from core.console.links import link_to
from core.words import counted
from ratingslips.admin.slips.authors import read_releases, reason_of, releases_of
from ratingslips.admin.slips.linked import linked_slips, short_links
from ratingslips.admin.slips.rows import status_pill, version_of
from ratingslips.admin.slips.segments import with_recording
from ratingslips.models import RatingSlip


class SlipColumns:
    """Mixed into the admin of slips: its columns and the fields of its page."""

    @admin.display(description="status")
    def state(self, slip: RatingSlip) -> str:
        return status_pill(slip)

    @admin.display(description="status")
    def state_and_version(self, slip: RatingSlip) -> str:
        """The status and the linked slips, with the hidden version that the list's actions send back."""
        version = version_field(slip, version_of(slip).text)
        return format_html('{} <span class="hint">{}</span>{}', self.state(slip), short_links(slip), version)

    @admin.display(description="player")
    def player_name(self, slip: RatingSlip) -> str:
        return link_to(slip.player, display.name_and_card(slip.player))

    @admin.display(description="where")
    def place(self, slip: RatingSlip) -> str:
        return slip.place

    @admin.display(description="average bet")
    def bet(self, slip: RatingSlip) -> str:
        return display.amount(slip.average_bet)

    @admin.display(description="played")
    def time_played(self, slip: RatingSlip) -> str:
        return display.played(slip.played)

    @admin.display(description="opened")
    def opened(self, slip: RatingSlip) -> str:
        return display.moment(slip.opened_at)

    @admin.display(description="theo")
    def theo(self, slip: RatingSlip) -> str:
        return display.amount(slip.theoretical_win)

    @admin.display(description="buy-in")
    def bought_in(self, slip: RatingSlip) -> str:
        return display.amount(slip.buy_in)

    @admin.display(description="chips out")
    def taken_away(self, slip: RatingSlip) -> str:
        return display.amount(slip.chips_out)

    @admin.display(description="actual win")
    def actual_win(self, slip: RatingSlip) -> str:
        return display.amount(slip.actual_win)

    @admin.display(description="points")
    def points(self, slip: RatingSlip) -> str:
        if slip.is_owed:
            return display.pill("Owed", state="owed")
        if slip.is_withheld:
            return display.pill("Withheld", state="barred")
        if not slip.uncollected_points:
            return display.points(slip.points)
        uncollected = counted(slip.uncollected_points, "point")
        return format_html('{} <span class="hint">{} uncollected</span>', display.points(slip.points), uncollected)

    @admin.display(description="player")
    def player_link(self, slip: RatingSlip) -> str:
        return link_to(slip.player)

    @admin.display(description="account")
    def account_link(self, slip: RatingSlip) -> str:
        account = getattr(slip.player, "loyalty", None)
        return link_to(account, counted(account.balance, "point")) if account else display.NOTHING

    @admin.display(description="ledger entry")
    def entry_link(self, slip: RatingSlip) -> str:
        entry = slip.ledger_entry
        return link_to(entry, f"#{entry.pk}") if entry else display.NOTHING

    @admin.display(description="opened at")
    def opened_exactly(self, slip: RatingSlip) -> str:
        return display.exact_moment(slip.opened_at)

    @admin.display(description="closed at")
    def closed_exactly(self, slip: RatingSlip) -> str:
        return with_recording(slip.closed_at, slip.closing_recorded_at)  # type: ignore[attr-defined]

    @admin.display(description="settled at")
    def settled_exactly(self, slip: RatingSlip) -> str:
        return display.exact_moment(slip.settled_at)

    @admin.display(description="owed because")
    def why_owed(self, slip: RatingSlip) -> str:
        return slip.why_owed or display.NOTHING

    @admin.display(description="withheld because")
    def why_withheld(self, slip: RatingSlip) -> str:
        if not slip.withheld_because:
            return display.NOTHING
        return f"the player was {slip.get_withheld_because_display().lower()} when the slip closed"

    @admin.display(description="released")
    def released(self, slip: RatingSlip) -> str:
        read_releases([slip])
        for release in releases_of(slip):
            at = display.exact_moment(release.happened_at)
            return f"{at} by {display.staff_name(release.actor)}: {reason_of(slip, release)}"
        return display.NOTHING

    @admin.display(description="linked slips")
    def linked(self, slip: RatingSlip) -> str:
        """The slips of the same visit or play, and the page that gives the play to another player."""
        lines = [
            format_html(
                "{} {}{}{}",
                one.words,
                link_to(one.slip),
                format_html(" of {}", display.name_and_card(one.slip.player)) if one.has_other_player else "",
                f", {one.rest}" if one.rest else "",
            )
            for one in linked_slips(slip)
        ]
        return format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines)) or display.NOTHING
