"""Files that are sent in parts."""

from distillery.calls.requests import Call, Pages, given, path_of
from distillery.types import Upload


def uploads(*, status: str | None = None, name: str | None = None, limit: int | None = None) -> Pages[Upload]:
    """The project's uploads, newest first, over all pages; `limit` ends early."""
    return Pages("/v1/uploads", given({"status": status, "name": name}), limit)


def delete_upload(upload_id: str) -> Call[None]:
    """Forget an upload and its bytes."""
    return Call("DELETE", path_of("uploads", upload_id))
