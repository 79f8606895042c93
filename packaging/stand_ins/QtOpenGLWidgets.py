"""Stands in for PySide6.QtOpenGLWidgets: see QtOpenGL.py beside this."""

from PySide6.QtWidgets import QWidget


class QOpenGLWidget(QWidget):
    """Something to inherit from: pyqtgraph declares such a widget, and none is ever made."""
