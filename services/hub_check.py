"""A look at a dataset of the Hub before a training that would fetch it itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.data_gate import DataRefusedError, majors
from models.domain.data_report import DataReport, Finding, HeldOut, Histogram
from models.domain.dataset_import import HubSource, ImportRefusedError
from models.domain.errors import AppError
from services.data_inspection import RowFile
from services.hub_client import hub_api
from services.rows_aside import rows_aside
from trainer_image.row_formats import DatasetFormat, fitting, misfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import TrainingConfig
    from models.domain.data_report import Learning
    from models.domain.dataset_import import ImportVerdict
    from services.data_inspection import DataInspection
    from services.datasets import DatasetLibrary
    from services.progress import CancelToken, Reporter


class HubCheck:
    """Reads splits as an import would and forgets the rows; what was found is kept by repository,
    configuration, split and revision, in ``folder``. Blocking."""

    def __init__(
        self,
        library: DatasetLibrary,
        inspection: DataInspection,
        hf_token: Callable[[], str | None],
        folder: Path,
    ) -> None:
        self._library = library
        self._inspection = inspection
        self._hf_token = hf_token
        self._folder = folder

    def gate(
        self,
        config: TrainingConfig,
        learning: Learning,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport:
        """The report of the split that is trained on. DataRefusedError where it or the held-out
        split cannot be learnt as it is; AppError where it cannot be had."""
        dataset = config.dataset
        repo, name = dataset.hf_repo.strip(), dataset.hf_config.strip()
        revision = self._revision(repo)
        # On the Hub a named split is one of the repository, not a value in a column.
        percent = 0.0 if dataset.eval_split else dataset.eval_percent
        held_out = HeldOut(percent, seed=config.hp.seed)
        found = None
        for split in filter(None, (dataset.eval_split.strip(), dataset.hf_split.strip())):
            source = HubSource(repo, name, split)
            found = self._look(source, revision, learning, held_out, report, cancel)
            format_ = DatasetFormat(found.format)
            wrong = misfit(format_, config.hp.method)
            if wrong:
                raise AppError("bad_dataset", f"{source} {wrong}", fitting(format_))
            whole = split == dataset.eval_split.strip()  # nothing of it need be trained on
            if any(one.code != "nothing_left" or not whole for one in majors(found)):
                raise DataRefusedError(str(source), found, None)
        if found is None:
            raise AppError("not_found", f"No split of {repo} is named.", "Name one.")
        return found

    def _look(
        self,
        source: HubSource,
        revision: str,
        learning: Learning,
        held_out: HeldOut,
        report: Reporter | None,
        cancel: CancelToken | None,
    ) -> DataReport:
        note = self._folder / f"{_key(source, revision)}.hub"
        known = _read(note)
        if known is not None:
            rows = RowFile(Path(), *known)
            found = self._inspection.known_report(rows, learning, held_out)
            if found is not None:
                return found
        root = Path(learning.data_root)
        try:
            with rows_aside(self._library, source, root, report=report, cancel=cancel) as aside:
                verdict, rows, _store = aside
                if verdict.mapping is not None:
                    raise DataRefusedError(str(source), _unnamed(verdict), None)
                _keep(note, rows)
                return self._inspection.report(
                    rows, learning, held_out, report=report, cancel=cancel
                )
        except ImportRefusedError as error:
            # Else an import is stricter than a training, which then looks itself.
            is_certain = error.verdict.needs_mapping
            found = _of_import(error.verdict)
            raise DataRefusedError(str(source), found, None, is_certain=is_certain) from error

    def _revision(self, repo: str) -> str:
        """The commit that would be fetched now; AppError where the Hub does not tell."""
        import httpx
        from huggingface_hub.errors import HfHubHTTPError

        try:
            try:
                return hub_api().dataset_info(repo).sha or ""
            except HfHubHTTPError:
                return hub_api(self._hf_token()).dataset_info(repo).sha or ""
        except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
            message = f"Hugging Face does not tell of {repo}."
            raise AppError("network", message, "Try again later.", str(error)) from error


def _key(source: HubSource, revision: str) -> str:
    facts = [source.repo, source.config, source.split, revision]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _read(note: Path) -> tuple[str, str] | None:
    try:
        sha256, format_ = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None
    return str(sha256), str(format_)


def _keep(note: Path, rows: RowFile) -> None:
    """Only a convenience: where it cannot be written, the rows are fetched anew."""
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps([rows.sha256, rows.format]), encoding="utf-8")
    except OSError:
        return


def _unnamed(verdict: ImportVerdict) -> DataReport:
    """The trainer reads columns by their names alone; an import can be told which is which."""
    names = ", ".join(verdict.columns)
    message = f"No format that we know has the columns {names}; an import can map them."
    return _of_import(verdict, Finding("major", "columns", message, verdict.rows))


def _of_import(verdict: ImportVerdict, *more: Finding) -> DataReport:
    """A report of rows that were read, but not looked at with the model."""
    return DataReport(
        rows=verdict.rows,
        format=verdict.format,
        findings=(*more, *verdict.findings),
        lengths=Histogram((0,), ()),
        trained_share=0.0,
        texts=0,
        tokens=0,
        trained_tokens=0,
        truncated=0,
        without_answer=0,
        refused=0,
        divided=0,
        end_of_turn_trained=0,
        max_length=0,
        model="",
        template_sha256="",
        seconds=0.0,
    )
