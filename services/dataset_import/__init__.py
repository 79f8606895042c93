"""Importing datasets: readers, formats, checks, and the child process that they work in."""
