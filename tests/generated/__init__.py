"""Generated requests: whatever is sent to the console, it is never answered 500."""
