"""Runs on rented pods: the record of each, and what takes them from step to step."""
