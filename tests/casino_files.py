"""A small casino in three files, to be spoiled line by line, and the events of its floor."""

from dataclasses import dataclass, field
from pathlib import Path

GAMES = ["code,name,decisions_per_hour,house_edge_percent,seats", "blackjack,Blackjack,70,0.75,7"]
TABLES = ["pit,table,game,seats", "Pit 1,BL-01,blackjack,7", "Pit 1,BL-02,blackjack,5"]
PLAYERS = [
    "card_number,first_name,last_name,status",
    "100000,José,Nguyễn,ACTIVE",
    "100001,Mara,Ueda,ACTIVE",
    "100002,Ben,Castillo,BARRED",
]
EVENTS_HEADER = "slip_number,occurred_at,event,player_card,table,seat,average_bet,buy_in,chips_out,means"


@dataclass(kw_only=True)
class CasinoFolder:
    """The three files, by their lines; line 1 is the header."""

    folder: Path
    games: list[str] = field(default_factory=lambda: list(GAMES))
    tables: list[str] = field(default_factory=lambda: list(TABLES))
    players: list[str] = field(default_factory=lambda: list(PLAYERS))

    def write(self, *, encoding: str = "utf-8") -> Path:
        """Write the files and give their folder."""
        for name in ("games", "tables", "players"):
            lines = "".join(f"{line}\n" for line in getattr(self, name))
            (self.folder / f"{name}.csv").write_text(lines, encoding=encoding)
        return self.folder


def event(slip: str, time: str, kind: str, **fields: str) -> str:
    """One line of rating events, at a time of day on 14 November 2026 in Los Angeles unless it is a whole instant."""
    at = f"2026-11-14T{time}-08:00" if len(time) == len("19:00:00") else time
    columns = EVENTS_HEADER.split(",")[3:]
    return ",".join([slip, at, kind, *(fields.get(column, "") for column in columns)])


def write_events(path: Path, *lines: str) -> Path:
    """Write a file of rating events: `lines` begin at line 2."""
    path.write_text("".join(f"{line}\n" for line in (EVENTS_HEADER, *lines)), encoding="utf-8")
    return path
