"""Registries that know us, and logging in to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from models.domain.availability import disabled_reason
from models.domain.secrets import KEYCHAIN, MEMORY
from views.widgets.buttons import push_button
from views.widgets.card import text_label

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent

    from models.domain.docker import RegistryLogin
    from models.qt.docker_model import DockerModel
    from models.qt.form_model import FormModel

_CAPTION = (
    "Only for private images and for Docker Hub's limit on pulls. The password, or better a token, "
    "is kept in the system's keychain and never shown again."
)


class RegistryBox(QWidget):
    """A row for each login, and three lines to add one.

    Signals:
        login_requested: registry, user and password; the password is in no widget by then.
        logout_requested: the registry.
    """

    login_requested = Signal(str, str, str)
    logout_requested = Signal(str)

    def __init__(self, model: DockerModel, form: FormModel) -> None:
        super().__init__()
        self._model = model
        self._form = form
        self._rows = QVBoxLayout()
        self._shown: tuple[RegistryLogin, ...] | None = None
        self._server = _line("docker.registry", "Registry", "docker.io")
        self._user = _line("docker.user", "User", "")
        self._password = _line("docker.password", "Password or token", "")
        self._password.setEchoMode(QLineEdit.EchoMode.Password)
        self._enter = push_button("Log in")
        self._enter.setObjectName("docker.login")
        self._build()
        self._connect()
        self._show()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(text_label(_CAPTION, "muted", wrap=True))
        self._rows.setSpacing(4)
        column.addLayout(self._rows)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for place, (label, line) in enumerate(self._lines()):
            words = QLabel(label)
            words.setBuddy(line)
            grid.addWidget(words, 0, place)
            grid.addWidget(line, 1, place)
            grid.setColumnStretch(place, 1)
        grid.addWidget(self._enter, 1, 3)
        column.addLayout(grid)

    def _lines(self) -> tuple[tuple[str, QLineEdit], ...]:
        return (
            ("Registry", self._server),
            ("User", self._user),
            ("Password or token", self._password),
        )

    def _connect(self) -> None:
        for _label, line in self._lines():
            line.textChanged.connect(self._show)
            line.returnPressed.connect(self._on_enter)
        self._enter.clicked.connect(self._on_enter)
        self._model.changed.connect(self._show)
        self._form.circumstances_changed.connect(self._show)

    @Slot()
    def _show(self) -> None:
        offline = disabled_reason("docker.login", self._form.circumstances)
        is_full = all(line.text().strip() for _label, line in self._lines())
        self._enter.setEnabled(is_full and not offline)
        missing = "" if is_full else "Fill in all three first"
        self._enter.setToolTip(offline or missing or "Try it out, and keep it")
        if self._shown != self._model.logins:
            self._shown = self._model.logins
            self._show_logins()

    def _show_logins(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for login in self._model.logins:
            self._rows.addWidget(self._row(login))

    def _row(self, login: RegistryLogin) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        words = f"{login.registry} knows you as {login.user}, kept in {login.where}"
        row.addWidget(text_label(words, "", wrap=True), 1)
        if login.where not in {KEYCHAIN, MEMORY}:  # the docker command's own: it looks after it
            return holder
        out = push_button("Log out", "link")
        out.setObjectName(f"docker.logout.{login.registry}")
        out.setAccessibleName(f"Log out of {login.registry}")
        out.setProperty("registry", login.registry)
        out.clicked.connect(self._on_out)
        row.addWidget(out)
        return holder

    @Slot()
    def _on_enter(self) -> None:
        if not self._enter.isEnabled():
            return
        registry, user = self._server.text(), self._user.text()
        password = self._password.text()
        self._password.setText("")  # which clear() would leave to be undone
        self.login_requested.emit(registry, user, password)

    @Slot()
    def _on_out(self) -> None:
        self.logout_requested.emit(str(self.sender().property("registry")))

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing of what was entered stays in the window."""
        self._password.setText("")
        super().hideEvent(event)


def _line(name: str, label: str, placeholder: str) -> QLineEdit:
    line = QLineEdit()
    line.setObjectName(name)
    line.setAccessibleName(label)
    line.setPlaceholderText(placeholder)
    return line
