"""The home page of supervisors and auditors: what needs attention, and today's figures."""
