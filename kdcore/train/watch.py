"""A watch over the steps of a stage: it notices a saturated balance, and goes back where the loss leaps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from kdcore.errors import EngineError
from kdcore.spec.training import Rollback
from kdcore.train.guards import SaturationAlarm, SpikeGuard
from kdcore.train.stage import Stage

SATURATED = 100
"""Steps in a row after which a balance counts as saturated."""

GPU_LOOK_EVERY = 20
"""Steps between two looks at a balance's shares on a GPU, where each look waits for the device."""

State = dict[str, Any]
Found = Callable[[str, dict[str, Any]], None]
"""Takes the kind of a finding and its facts."""


@dataclass
class Watch:
    """Looks at every step's numbers.

    Attributes:
        learners: the networks that a return brings back.
        rollback: what to do when the loss leaps; None leaves that to the loop's own check.
        found: takes what is noticed.
        returns: how often the run went back.
    """

    learners: nn.Module
    rollback: Rollback | None
    found: Found
    returns: int = 0
    _spikes: SpikeGuard | None = None
    _alarms: dict[str, SaturationAlarm] = field(default_factory=dict)
    _good: tuple[int, State] | None = None
    _newest: tuple[int, State] | None = None

    def begin(self, stage: Stage, step: int) -> None:
        """At the start of a stage, unless it is taken up from a checkpoint."""
        self._alarms = {}
        if self.rollback is not None:
            self._spikes = SpikeGuard(factor=self.rollback.factor, window=self.rollback.window)
            self._good = self._newest = (step, self._snapshot(stage))

    @property
    def rate(self) -> float:
        """Factor on the learning rate after the returns so far."""
        return 1.0 if self.rollback is None else self.rollback.rate**self.returns

    def look(self, stage: Stage, values: Mapping[str, Tensor], step: int) -> bool:
        """Whether the step counts; when not, the networks are back at an earlier state.

        Raises:
            EngineError: ``non_finite_loss`` after more returns than are allowed.
        """
        self._look_at_shares(values, step)
        if self.rollback is None or self._spikes is None:
            return True
        fault = self._spikes.look(float(values["loss"]))
        if fault is not None:
            self._return(stage, fault, step)
            return False
        if self._newest is None or step - self._newest[0] >= self.rollback.window:
            self._good, self._newest = self._newest, (step, self._snapshot(stage))
        return True

    def _look_at_shares(self, values: Mapping[str, Tensor], step: int) -> None:
        every = GPU_LOOK_EVERY if values["loss"].is_cuda else 1
        if step % every:
            return
        shares: dict[str, dict[str, float]] = {}
        for name, value in values.items():
            if name.startswith("balance.") and ".share." in name:
                learner, _, group = name.removeprefix("balance.").partition(".share.")
                shares.setdefault(learner, {})[group] = float(value)
        for learner, of_groups in shares.items():
            alarm = self._alarms.setdefault(learner, SaturationAlarm(steps=SATURATED // every))
            saturated = alarm.look(of_groups)
            if saturated is not None:
                facts = {"learner": learner, "group": saturated, "threshold": alarm.threshold, "steps": SATURATED}
                self.found("saturation", {**facts, "step": step})

    def _return(self, stage: Stage, fault: str, step: int) -> None:
        assert self.rollback is not None
        if self._good is None or self.returns >= self.rollback.most:
            message = f"{fault} after {self.returns} returns to an earlier state: lower the learning rate"
            raise EngineError("non_finite_loss", message, "/training/optimizer/lr")
        to, state = self._good
        self.learners.load_state_dict(copy.deepcopy(state["learners"]))
        stage.restore(copy.deepcopy(state["stage"]))
        self.returns += 1
        self._newest = self._good
        self.found("rollback", {"fault": fault, "step": step, "to": to, "rate": self.rate})

    def _snapshot(self, stage: Stage) -> State:
        return copy.deepcopy({"learners": self.learners.state_dict(), "stage": stage.state()})

    def state(self) -> State:
        """What a checkpoint needs."""
        return {
            "returns": self.returns,
            "spikes": None if self._spikes is None else self._spikes.state(),
            "alarms": {name: {**alarm.state(), "steps": alarm.steps} for name, alarm in self._alarms.items()},
            "good": self._good,
            "newest": self._newest,
        }

    def restore(self, state: State) -> None:
        """Go on from a checkpoint."""
        self.returns, self._good, self._newest = state["returns"], state["good"], state["newest"]
        for name, held in state["alarms"].items():
            self._alarms[name] = SaturationAlarm(steps=held["steps"])
            self._alarms[name].restore(held)
        if self.rollback is not None and state["spikes"] is not None:
            self._spikes = SpikeGuard(factor=self.rollback.factor, window=self.rollback.window)
            self._spikes.restore(state["spikes"])
