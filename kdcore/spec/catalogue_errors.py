"""Why a dataset and an architecture do not go together, each with names that would do."""

from __future__ import annotations

from kdcore.spec.catalogue_inputs import KINDS, Given
from kdcore.spec.tasks import InputKind, TaskName


class InputTooSmall(ValueError):
    """The dataset's pictures, series or texts are smaller than the network's poolings can take."""

    def __init__(self, name: str, given: Given, minimum: int) -> None:
        self.name, self.minimum = name, minimum
        if given.kind == "image":
            self.size = given.shape[1:]
            message = f"pictures of at least {minimum}x{minimum} (got {given.shape[1]}x{given.shape[2]})"
        else:
            self.size = given.shape[-1:]
            message = f"{KINDS[given.kind]} of at least {minimum} steps (got {given.shape[-1]})"
        remedy = "resize the dataset" if given.kind == "image" else "make the dataset with longer windows"
        super().__init__(f"{name} needs {message}; {remedy} or choose a smaller network")


class WrongInput(ValueError):
    """The network takes another kind of input than the dataset has; ``fitting`` names some that take it."""

    def __init__(self, name: str, takes: InputKind, got: InputKind, fitting: list[str]) -> None:
        self.name, self.takes, self.got, self.fitting = name, takes, got, fitting
        super().__init__(
            f"{name} takes {KINDS[takes]}, the dataset has {KINDS[got]}: choose a network that takes them"
            + (f", such as {', '.join(fitting)}" if fitting else "")
        )


class WrongTask(ValueError):
    """The network answers another question than the dataset's task asks; ``fitting`` names some that answer it."""

    def __init__(self, name: str, serves: tuple[TaskName, ...], task: TaskName, fitting: list[str]) -> None:
        self.name, self.serves, self.task, self.fitting = name, serves, task, fitting
        super().__init__(
            f"{name} answers {' or '.join(serves)}, the dataset asks for {task}: choose a network that answers it"
            + (f", such as {', '.join(fitting)}" if fitting else "")
        )
