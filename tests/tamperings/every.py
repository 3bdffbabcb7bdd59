"""Every tampering."""

from typing import Final

from tests.tamperings.earlier import EARLIER
from tests.tamperings.kinds import Tampering
from tests.tamperings.names import NAMES
from tests.tamperings.owner import OWNER
from tests.tamperings.play import PLAY
from tests.tamperings.points import POINTS
from tests.tamperings.records import RECORDS

EVERY: Final[tuple[Tampering, ...]] = (*POINTS, *PLAY, *NAMES, *EARLIER, *RECORDS, *OWNER)
