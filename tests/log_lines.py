"""The log lines of this process, as they leave it in production."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.logging import line_formatter


@contextmanager
def log_lines() -> Iterator[list[dict[str, Any]]]:
    """What the block logs, ours and the libraries', each line as the JSON object that is written; full at its end."""
    written = io.StringIO()
    lines: list[dict[str, Any]] = []
    handler = logging.StreamHandler(written)
    handler.setFormatter(line_formatter(as_json=True))
    logging.getLogger().addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(handler)
        lines += [json.loads(line) for line in written.getvalue().splitlines()]
