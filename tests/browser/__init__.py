"""The console in a real browser: Debian's Chromium, tablets upright (820 px) and across, light and dark."""
