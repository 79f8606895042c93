"""Stands in for PySide6.QtOpenGL, which pyqtgraph imports with every plot and then never uses.

The original is 10 MB; the choice that would need it (``useOpenGL``) is not made in this program.
"""
