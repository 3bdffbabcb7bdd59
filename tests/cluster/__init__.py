"""The drill of a cluster: three PostgreSQL under Patroni, writers at work, and each way to lose the primary."""
