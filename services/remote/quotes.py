"""What a remote training would rent and cost, asked before it starts; nothing is rented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from models.domain.auto_set import gigabytes
from models.domain.config import SOURCE_SESSION
from models.domain.errors import AppError
from models.domain.gpu_list import GpuList
from models.domain.gpu_offer import candidates, objection, suiting
from models.domain.gpu_speed import training_seconds
from models.domain.memory import estimate_memory
from models.domain.pod import CLOUD_WORDS
from models.domain.pod_quote import PodQuote, dollars, quote
from models.domain.remote_plan import has_volume, least_cuda, price_of, wanted_of, wants_fastest
from models.domain.training_tokens import training_tokens
from services.job_builder import is_local_model
from services.remote.inputs import needs_hub
from services.runpod.infrastructure import volume_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import RunpodSection, TrainingConfig
    from models.domain.dataset import DatasetSession
    from models.domain.gpu_offer import Candidate, GpuOffer, Wanted
    from models.domain.model_shape import ModelShape
    from models.domain.pod import Balance, NetworkVolume
    from services.model_shapes import ShapeAnswer
    from services.runpod.account import RunpodAccount
    from services.runpod.catalogue import GpuCatalogue
    from services.runpod.client import RunpodClient

    class Shapes(Protocol):
        """Whoever knows the sizes of base models."""

        def find(self, model: str, data_root: str = "") -> ShapeAnswer:
            """The shape of a model, or why it is not known."""

    class Library(Protocol):
        """Whoever knows the datasets."""

        def find(self, text: str) -> DatasetSession:
            """A dataset by its name."""


_HUB_NOTE = "The pod gets your Hugging Face token, into its memory only."
_SOLD_OUT_HINT = (
    "Choose another GPU, data centre or cloud, or ask again: the stock changes within minutes."
)
_UPLOAD_NOTE = (
    "The base model is sent from this computer while the pod costs, unless its volume has it "
    "already. "
)
_AHEAD_NOTE = "With Runpod's S3 keys, under Settings, it is sent before."
_KEEP_NOTE = (
    "The pod is kept when the training is done, and costs on until you end it or its limit comes."
)
_NO_VOLUME_NOTE = (
    "There is no network volume: what is trained is on the pod alone until it is here. Leave this "
    "computer on, or open Temper again before the pod's limit."
)


@dataclass(frozen=True, slots=True)
class RemoteQuote:
    """What would be tried, best first, and what the first of it costs.

    ``need`` is the predicted peak of memory in bytes, None where it is not known. ``quote`` is None
    and ``reason`` says why where nothing can be rented. ``count`` GPUs are in the pod. ``asked`` is
    when Runpod said so (seconds since the epoch). ``notes`` say what the quote does not know.
    ``is_sold_out``: there are GPUs that suit, and none of them is in stock.
    """

    candidates: tuple[Candidate, ...]
    quote: PodQuote | None
    need: int | None
    asked: float
    count: int = 1
    reason: str = ""
    notes: tuple[str, ...] = ()
    is_sold_out: bool = False

    def words(self) -> tuple[str, ...]:
        """Lines for a person."""
        if self.quote is None or not self.candidates:
            return (self.reason, *self.notes)
        first, offer = self.candidates[0], self.candidates[0].offer
        count = f"{self.count} x " if self.count > 1 else ""
        cloud = CLOUD_WORDS.get(offer.cloud, offer.cloud)
        place = f", {first.data_center}" if first.data_center else ""
        price = f"{dollars(self.quote.per_hour)} an hour with its disk"
        head = f"{count}{offer.name}, {offer.memory} GB, {cloud}{place}: {price}."
        return (head, *self.quote.words()[1:], *self.notes)


class PodQuotes:
    """Blocking: two or three calls, fewer while the catalogue is fresh. Thread-safe.

    ``factor`` is what earlier runs of a model on a GPU measured, divided by what was predicted;
    ``has_token`` whether a Hugging Face token is set, ``has_s3`` whether Runpod's S3 keys are.
    """

    def __init__(
        self,
        account: RunpodAccount,
        catalogue: GpuCatalogue,
        shapes: Shapes,
        library: Library,
        factor: Callable[[str, str], float] = lambda _model, _gpu: 1.0,
        has_token: Callable[[], bool] = lambda: False,
        has_s3: Callable[[], bool] = lambda: False,
    ) -> None:
        self._account = account
        self._catalogue = catalogue
        self._shapes = shapes
        self._library = library
        self._factor = factor
        self._has_token = has_token
        self._has_s3 = has_s3

    def ask(self, config: TrainingConfig, *, refresh: bool = False) -> RemoteQuote:
        """The quote as things are now; ``refresh`` asks for the stock anew.

        RunpodError or AppError where Runpod cannot be asked, and where a start would be refused:
        "volume_ambiguous".
        """
        section = config.runpod
        answer = self._shapes.find(config.hp.base_model, config.local.host_data_dir)
        need = self._need(config, answer.shape)
        with self._account.client("no GPU can be looked for") as client:
            volume = _volume(client, config)
            wanted = wanted_of(config, need, "" if volume is None else volume.data_center)
            known = self._catalogue.load(
                client,
                count=section.gpu_count,
                min_cuda=least_cuda(section.image),
                refresh=refresh,
            )
            found = candidates(known.offers, wanted, fastest=wants_fastest(config))
            balance, trouble = _balance(client)
        notes = [trouble] if trouble else []
        if needs_hub(config) and self._has_token():
            notes.append(_HUB_NOTE)
        if is_local_model(config.hp.base_model.strip()) and not self._goes_ahead(section):
            notes.append(f"{_UPLOAD_NOTE}{_AHEAD_NOTE if has_volume(section) else ''}".strip())
        if not has_volume(section):
            notes.append(_NO_VOLUME_NOTE)
        if section.on_finish == "keep":
            notes.append(_KEEP_NOTE)
        if need is None:
            notes.append(f"Whether the training fits is not known: {answer.reason}.")
        if not found:
            return RemoteQuote(
                (), None, need, known.asked, section.gpu_count,
                _nothing(known.offers, wanted), tuple(notes),
                is_sold_out=bool(suiting(known.offers, wanted)),
            )  # fmt: skip
        price = price_of(section, found[0].offer)
        if volume is not None:  # one that is larger stays so, and costs what it does
            price = replace(price, volume=max(price.volume, volume.size))
        seconds = _seconds(self._library, config, found[0].offer, answer.shape)
        return RemoteQuote(
            found,
            quote(price, seconds, balance),
            need,
            known.asked,
            section.gpu_count,
            notes=tuple(notes),
        )

    def offers(self, config: TrainingConfig, *, refresh: bool = False) -> GpuList:
        """The GPUs of the setup's cloud, and why some do not suit it; AppError as :meth:`ask`."""
        answer = self._shapes.find(config.hp.base_model, config.local.host_data_dir)
        wanted = replace(wanted_of(config, self._need(config, answer.shape)), gpu="")
        with self._account.client("no GPU can be looked for") as client:
            known = self._catalogue.load(
                client,
                count=config.runpod.gpu_count,
                min_cuda=least_cuda(config.runpod.image),
                refresh=refresh,
            )
        offers = tuple(one for one in known.offers if one.cloud == wanted.cloud)
        why = {one.gpu: objection(one, wanted) for one in offers}
        return GpuList(offers, {gpu: words for gpu, words in why.items() if words}, known.asked)

    def _goes_ahead(self, section: RunpodSection) -> bool:
        """Whether files reach the volume before a pod is paid for."""
        return has_volume(section) and self._has_s3()

    def _need(self, config: TrainingConfig, shape: ModelShape | None) -> int | None:
        if shape is None:
            return None
        factor = self._factor(config.hp.base_model, config.runpod.gpu.strip())
        return estimate_memory(config, shape, on_gpu=True, factor=factor).total


def expected_cost(
    shapes: Shapes, library: Library, config: TrainingConfig, offer: GpuOffer
) -> float | None:
    """Dollars that a run is expected to cost with this offer; None where that cannot be told."""
    shape = shapes.find(config.hp.base_model, config.local.host_data_dir).shape
    seconds = _seconds(library, config, offer, shape)
    return quote(price_of(config.runpod, offer), seconds).expected_cost


def _seconds(
    library: Library, config: TrainingConfig, offer: GpuOffer, shape: ModelShape | None
) -> float | None:
    """About how long the training takes on this GPU; None where it cannot be told."""
    session = _session(library, config)
    rows, size = (session.rows, session.size) if session else (0, 0)
    tokens = training_tokens(config, rows, size)
    if shape is None or tokens is None:
        return None
    is_full = config.hp.tuning == "full"
    count = config.runpod.gpu_count
    return training_seconds(offer.gpu, shape.parameters, tokens, full=is_full, count=count)


def _session(library: Library, config: TrainingConfig) -> DatasetSession | None:
    """The dataset; a name that is not known is told by whoever starts the run."""
    if config.dataset.source != SOURCE_SESSION or not config.dataset.session.strip():
        return None
    try:
        return library.find(config.dataset.session)
    except AppError:
        return None


def _volume(client: RunpodClient, config: TrainingConfig) -> NetworkVolume | None:
    """The configuration's volume where it is there already: pods reach it from its place alone.

    None where the run is to make one.
    """
    if not has_volume(config.runpod):
        return None
    name, place = config.runpod.volume_name.strip(), config.runpod.data_center.strip().upper()
    return volume_named(client.volumes(), name, place)


def _balance(client: RunpodClient) -> tuple[Balance | None, str]:
    """The account's money, or why it is not known: a quote is of use without it, too."""
    try:
        return client.balance(), ""
    except AppError as error:
        return None, f"Whether the balance is enough is not known: {error.message}"


def _nothing(offers: tuple[GpuOffer, ...], wanted: Wanted) -> str:
    """Why no GPU can be tried, in a sentence."""
    able = suiting(offers, wanted)
    if able:
        names = ", ".join(dict.fromkeys(offer.name for offer in able[:3]))
        place = f" in {wanted.data_center}" if wanted.data_center else ""
        return f"Every GPU that suits is taken just now{place}: {names}. {_SOLD_OUT_HINT}"
    chosen = [offer for offer in offers if offer.gpu == wanted.gpu and offer.cloud == wanted.cloud]
    if chosen:
        return f"{chosen[0].name} does not suit. {objection(chosen[0], wanted)}"
    if wanted.gpu:
        return f"Runpod has no GPU {wanted.gpu} in this cloud."
    size = "" if wanted.need is None else f" with {gigabytes(wanted.need)} of memory"
    count = "" if wanted.count == 1 else f", {wanted.count} in one pod"
    return f"Runpod has no GPU{size}{count} in this cloud."
