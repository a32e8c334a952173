"""The contract, kept by the SQLite engine."""

from __future__ import annotations

from tests.headgate.queue.contract import Delivers
from tests.headgate.queue.contract_again import TriesAgain
from tests.headgate.queue.contract_limits import KeepsLimits
from tests.headgate.queue.contract_once import TakesOnce


class TestDelivers(Delivers):
    pass


class TestTakesOnce(TakesOnce):
    pass


class TestTriesAgain(TriesAgain):
    pass


class TestKeepsLimits(KeepsLimits):
    pass
