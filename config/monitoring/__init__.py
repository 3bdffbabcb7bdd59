"""What machines ask: whether a worker lives, whether it can serve, and the metrics of this and all other workers."""
