"""The names of the permissions on the floor's models, as Django writes them: "app.codename"."""

from typing import Final

VIEW_PITS: Final = "ratingslips.view_pit"
VIEW_TABLES: Final = "ratingslips.view_gamingtable"
VIEW_GAMES: Final = "ratingslips.view_gamesettings"
VIEW_SLIPS: Final = "ratingslips.view_ratingslip"
VIEW_SEGMENTS: Final = "ratingslips.view_playsegment"
CHANGE_GAME: Final = "ratingslips.change_gamesettings"
ADD_TABLE: Final = "ratingslips.add_gamingtable"
CHANGE_TABLE: Final = "ratingslips.change_gamingtable"
CHANGE_PIT: Final = "ratingslips.change_pit"
OPERATE_PIT: Final = "ratingslips.operate_pit"
CORRECT_SLIP: Final = "ratingslips.correct_slip"
RECOVER_LOYALTY: Final = "ratingslips.recover_loyalty"
