"""Every error of the store: a type with a code, so that callers answer by type and never by text."""

from __future__ import annotations


class StoreError(Exception):
    """A refusal with a stable code and a message that names the remedy."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


class NotFound(StoreError):
    """No such thing in this project; another project's things are not found either."""

    def __init__(self, what: str, id_: str) -> None:
        super().__init__("not_found", f"No {what} {id_[:80]!r} in this project; check the id and the key's project.")


class Conflict(StoreError):
    """The thing exists but its state does not allow this."""


class Invalid(StoreError):
    """A value of the request that cannot be used, such as a cursor that we did not issue."""


class LeaseLost(StoreError):
    """The attempt does not own the job any more: stop its engine and write nothing."""

    def __init__(self, job_id: str, fence: int) -> None:
        super().__init__("lease_lost", f"Fence {fence} of {job_id} is no longer the owner's; stop this attempt.")


class FilesError(StoreError):
    """The store of files could not do what was asked."""


class FilesFull(FilesError):
    """There is no room left for files."""


class FileMissing(FilesError):
    """No file under this key."""


class FileDamaged(FilesError):
    """The bytes are not those that the sha256 names."""
