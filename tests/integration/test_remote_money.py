"""Quotes before, and costs after, against the emulated Runpod and its bill."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.model_shape import ModelShape
from models.domain.remote_money import BILL_SETTLES
from models.domain.remote_run import RemoteAttempt, RemotePhase, Teardown
from models.domain.run import Run, RunState
from services.keychain import SystemKeychain
from services.model_shapes import ShapeAnswer
from services.offline import OfflinePolicy
from services.remote.marks import RunTokens
from services.remote.money import ASK_AGAIN, ASK_FROM, Bills, settle
from services.remote.quotes import PodQuotes, expected_cost
from services.remote.store import AttemptStore
from services.remote.work import Tools, Work
from services.run_records import RunRecords
from services.runpod.account import RunpodAccount
from services.runpod.catalogue import GpuCatalogue
from services.secrets import SecretStore
from tests.integration.remote_world import EmulatedTime
from tests.integration.runpod_world import GPU, KEY, client_of, new_pod, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.dataset import DatasetSession
    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = pytest.mark.slow
SMALL = ModelShape(134_515_008, 576, 30, 9, 3, 1536, 49_152, tied_embeddings=True)


@pytest.fixture
def runpod(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodEmulator]:
    with world(speed=1) as emulator:  # prices by the hour; a test moves the clock
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        yield emulator


class Shapes:
    """One model is known."""

    def find(self, model: str, data_root: str = "") -> ShapeAnswer:
        return ShapeAnswer(SMALL) if model == "small" else ShapeAnswer(reason="nobody knows it")


class Library:
    """No dataset is there."""

    def find(self, text: str) -> DatasetSession:
        raise AppError("not_found", f"There is no dataset {text}.")


def quotes(*, offline: bool = False) -> PodQuotes:
    account = RunpodAccount({"runpod_key": KEY}, OfflinePolicy(forced=offline))
    return PodQuotes(account, GpuCatalogue(), Shapes(), Library())


def config(**values: Any) -> TrainingConfig:
    plain = {"training.target": TARGET_RUNPOD, "hp.base_model": "small", "hp.max_steps": 50}
    changes = {name.replace("__", "."): value for name, value in values.items()}
    return with_values(TrainingConfig(), plain | changes)


def test_a_quote_is_for_the_first_that_would_be_tried(runpod: RunpodEmulator) -> None:
    found = quotes().ask(config(training__preset="Cheapest (Runpod)"))
    assert found.quote is not None
    prices = [one.offer.price for one in found.candidates]
    assert prices == sorted(prices)
    assert found.quote.per_hour == pytest.approx(prices[0], abs=0.01)
    assert found.quote.expected_cost is not None
    assert found.need is not None
    fastest = quotes().ask(config(training__preset="Fastest (Runpod)"))
    assert fastest.candidates[0].offer.price > prices[0]
    cheapest = found.candidates[0].offer
    assert expected_cost(Shapes(), Library(), config(), cheapest) == found.quote.expected_cost
    other = config(hp__base_model="other")
    assert expected_cost(Shapes(), Library(), other, cheapest) is None
    assert runpod.cloud.pods == {}
    assert runpod.cloud.volumes == {}


def test_a_quote_says_that_the_pod_gets_the_hubs_token(runpod: RunpodEmulator) -> None:
    account = RunpodAccount({"runpod_key": KEY}, OfflinePolicy(forced=False))
    asked = PodQuotes(account, GpuCatalogue(), Shapes(), Library(), has_token=lambda: True)
    told = "The pod gets your Hugging Face token, into its memory only."
    assert told in asked.ask(config()).words()
    assert told not in asked.ask(config(hp__base_model="/data/models/small")).words()
    assert told not in quotes().ask(config()).words()


def test_a_quote_says_that_a_model_of_this_computer_goes_up_while_the_pod_costs(
    runpod: RunpodEmulator,
) -> None:
    """The expected time is of the training: nobody knows the line."""
    local = config(hp__base_model="/data/models/small")
    account = RunpodAccount({"runpod_key": KEY}, OfflinePolicy(forced=False))
    with_s3 = PodQuotes(account, GpuCatalogue(), Shapes(), Library(), has_s3=lambda: True)
    told = "The base model is sent from this computer while the pod costs"
    assert f"{told}, unless its volume has it already. With" in " ".join(
        quotes().ask(local).words()
    )
    assert told not in " ".join(with_s3.ask(local).words())
    assert told not in " ".join(quotes().ask(config()).words())


def test_a_quote_says_what_is_at_stake_without_a_volume(runpod: RunpodEmulator) -> None:
    told = "There is no network volume: what is trained is on the pod alone until it is here."
    assert any(told in line for line in quotes().ask(config(runpod__cloud="Community")).words())
    assert not any(told in line for line in quotes().ask(config()).words())


def test_a_quote_says_that_a_kept_pod_costs_on(runpod: RunpodEmulator) -> None:
    kept = quotes().ask(config(runpod__on_finish="keep")).words()
    assert any("is kept when the training is done, and costs on" in line for line in kept)
    ended = quotes().ask(config()).words()
    assert not any("is kept when" in line for line in ended)


def test_the_volume_says_where_and_the_chosen_gpu_what(runpod: RunpodEmulator) -> None:
    with client_of(runpod) as client:
        client.create_volume("temper-volume", "US-KS-2", 50)
    found = quotes().ask(config(runpod__gpu=GPU, runpod__gpu_count=2))
    assert {one.data_center for one in found.candidates} <= {"US-KS-2"}
    assert {one.offer.gpu for one in found.candidates} <= {GPU}
    (head, *_) = quotes().ask(config(runpod__gpu=GPU, runpod__gpu_count=2)).words()
    assert head.startswith("2 x RTX A5000, 24 GB, Secure Cloud") or "is taken just now" in head
    elsewhere = quotes().ask(config(runpod__data_center="EU-RO-1"))
    assert {one.data_center for one in elsewhere.candidates} == {"EU-RO-1"}


def test_a_quote_knows_the_volume_that_is_there(runpod: RunpodEmulator) -> None:
    with client_of(runpod) as client:
        for size in (50, 200):
            client.create_volume("temper-volume", "US-KS-2", size)
        found = quotes().ask(config())
        assert {one.data_center for one in found.candidates} == {"US-KS-2"}
        told = "The network volume costs $14.00 a month for as long as it is kept."
        assert told in found.words()
        client.create_volume("temper-volume", "EU-RO-1", 50)
    with pytest.raises(AppError, match="volumes named temper-volume in EU-RO-1 and US-KS-2"):
        quotes().ask(config())


def test_what_is_not_known_is_said_and_keeps_no_quote_back(runpod: RunpodEmulator) -> None:
    runpod.broken.add("POST /graphql", times=99, status=503)
    found = quotes().ask(config(hp__base_model="other", runpod__gpu=GPU))
    assert found.quote is not None
    assert (found.need, found.quote.expected_seconds) == (None, None)
    words = " ".join(found.words())
    assert "Whether the balance is enough is not known" in words
    assert "Whether the training fits is not known: nobody knows it." in words
    assert "How long it takes is not known for this GPU." in words


def test_a_balance_that_is_too_low_is_said(runpod: RunpodEmulator) -> None:
    runpod.cloud.balance = 0.05
    assert "The balance of $0.05 is too low" in " ".join(quotes().ask(config()).words())


def test_why_nothing_can_be_rented_is_said(runpod: RunpodEmulator) -> None:
    too_large = config(runpod__gpu=GPU, hp__batch_size=512, hp__max_seq_length=8192)
    found = quotes().ask(too_large)
    assert (found.quote, found.candidates) == (None, ())
    assert found.words()[0].startswith("RTX A5000 does not suit. The training needs ")
    for at in runpod.cloud.stock.free:
        runpod.cloud.stock.free[at] = 0
    sold_out = quotes().ask(config(runpod__gpu=GPU))
    assert (found.is_sold_out, sold_out.is_sold_out) == (False, True)
    assert sold_out.words() == (
        "Every GPU that suits is taken just now: RTX A5000. Choose another GPU, data centre or "
        "cloud, or ask again: the stock changes within minutes.",
    )
    with pytest.raises(AppError) as caught:
        quotes(offline=True).ask(config())
    assert caught.value.kind == "offline"


class Paid:
    """A run whose pod was rented for two hours and is gone."""

    def __init__(self, runpod: RunpodEmulator, database: Database) -> None:
        self.runpod, self.clock = runpod, EmulatedTime(runpod)
        self.store, self.records = AttemptStore(database), RunRecords(database)
        keychain, offline = SystemKeychain(), OfflinePolicy()
        secrets = SecretStore(keychain, {"RUNPOD_API_KEY": KEY})
        self.account = RunpodAccount(secrets, offline)
        self.tools = Tools(
            self.store, self.records, self.account, secrets, RunTokens(keychain, secrets.get),
            offline, lambda: "1a2b", _no_code, clock=self.clock,
        )  # fmt: skip
        now = self.clock.now()
        self.records.add(
            Run(
                id="run-1", name="r", config=config(), state=RunState.RUNNING, runtime="Runpod",
                data_root="/tmp", created_at=now, output_directory="/tmp/o",
            )
        )  # fmt: skip
        with client_of(runpod) as client:
            self.pod = client.create_pod(new_pod()).id
            runpod.cloud.clock.move(7200)
            client.end_pod(self.pod)
        self.attempt = RemoteAttempt(
            "run-1", 1, "temper-test-1", RemotePhase.SETTLING, pod_id=self.pod, per_hour=0.27,
            created_at=now, rented_at=now, gone_at=self.clock.now(), teardown=Teardown.CONFIRMED,
            driver="me",
        )  # fmt: skip

    def settle(self) -> RemoteAttempt:
        self.store.add(self.attempt)
        return settle(self.attempt, Work(self.attempt, self.tools, "me"))

    @property
    def cost(self) -> float:
        return self.records.get("run-1").cost_usd or 0.0


def _no_code() -> Any:
    raise AssertionError("no code is needed")


@pytest.fixture
def paid(runpod: RunpodEmulator, tmp_path: Path) -> Iterator[Paid]:
    database = Database.open(tmp_path / "temper.db")
    yield Paid(runpod, database)
    database.close()


@pytest.mark.parametrize("share", [0.0, 0.4, 0.97, 1.0])
def test_a_pod_that_is_gone_is_settled_by_its_bill_or_by_time_and_price(
    paid: Paid, share: float
) -> None:
    paid.runpod.broken.billed_share = share
    settled = paid.settle()
    assert settled.phase is RemotePhase.OVER
    assert settled.cost == pytest.approx(0.54 * (share if share > 0.9 else 1), abs=0.02)
    assert paid.cost == settled.cost


def test_a_run_is_over_also_where_nobody_tells_the_bill(paid: Paid) -> None:
    paid.runpod.broken.add("GET /v2/billing", times=99, status=403)
    paid.store.add(replace(paid.attempt, number=2, pod_id="", driver=""))
    assert paid.settle().is_over
    assert paid.cost == pytest.approx(0.54, abs=0.02), "a pod that was never given costs nothing"


def test_one_bill_that_cannot_be_had_keeps_no_other_from_being_settled(paid: Paid) -> None:
    paid.runpod.broken.billed_share = 0.0
    first = replace(paid.attempt, run_id="another", name="another", pod_id="another", driver="")
    paid.store.add(replace(first, phase=RemotePhase.OVER, cost=0.54))
    paid.settle()
    paid.runpod.broken.billed_share = 0.5
    paid.runpod.broken.add("GET /v2/billing/pods.*podId=another", times=99, status=400)
    paid.runpod.cloud.clock.move(BILL_SETTLES)
    assert Bills(paid.account, paid.store, paid.records, paid.clock).review() == ("run-1",)


def test_a_bill_that_comes_late_puts_the_cost_right(paid: Paid) -> None:
    paid.runpod.broken.billed_share = 0.0
    paid.settle()
    bills = Bills(paid.account, paid.store, paid.records, paid.clock)
    assert bills.review() == (), "it is too early to ask"
    paid.runpod.cloud.clock.move(ASK_FROM)
    assert bills.review() == ()
    asked = len(paid.runpod.requests)
    assert bills.review() == ()
    assert len(paid.runpod.requests) == asked, "not at every look"
    paid.runpod.broken.billed_share = 0.5  # a discount: after a day the bill is what it is
    paid.runpod.cloud.clock.move(max(ASK_AGAIN, BILL_SETTLES))
    assert bills.review() == ("run-1",)
    assert paid.cost == pytest.approx(0.27, abs=0.01)
    paid.runpod.cloud.clock.move(ASK_AGAIN)
    assert bills.review() == ()
