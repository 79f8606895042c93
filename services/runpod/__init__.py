"""Runpod: its REST API v2, the catalogue of GPUs, and what a remote run needs there.

Nothing here is imported before it is used.
"""
