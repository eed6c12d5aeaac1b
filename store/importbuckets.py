"""A prefix of a bucket as a place to import from."""

from __future__ import annotations

from collections.abc import Iterator

import obstore
from obstore.exceptions import BaseError, NotFoundError

from store.errors import FilesError
from store.files import CHUNK
from store.imports import Found, is_plain
from store.objectfiles import open_bucket

_RANGE = 8 * CHUNK


class Bucket:
    """Objects below ``s3://bucket/prefix``; keys that are no plain paths are passed over."""

    def __init__(self, url: str) -> None:
        self._store = open_bucket(url)

    def files(self, path: str) -> Iterator[Found]:
        """See ``Place.files``."""
        if path and (size := self._size(path)) is not None:
            yield Found(path.rpartition("/")[2], path, size)
            return
        try:
            for page in obstore.list(self._store, path or None):
                for meta in page:
                    relative = str(meta["path"]).removeprefix(path).lstrip("/")
                    if all(map(is_plain, relative.split("/"))):
                        yield Found(relative, str(meta["path"]), int(meta["size"]))
        except BaseError as error:
            raise _failed(error) from error

    def open(self, whole: str) -> Iterator[bytes]:
        """See ``Place.open``."""
        size = self._size(whole)
        if size is None:
            raise FileNotFoundError(whole)
        for at in range(0, size, _RANGE):
            try:
                chunk = bytes(obstore.get_range(self._store, whole, start=at, end=min(at + _RANGE, size)))
            except BaseError as error:
                raise _failed(error) from error
            yield chunk

    def _size(self, path: str) -> int | None:
        try:
            return int(obstore.head(self._store, path)["size"])
        except (FileNotFoundError, NotFoundError):
            return None
        except BaseError as error:
            raise _failed(error) from error


def _failed(error: BaseError) -> FilesError:
    return FilesError("import_failed", f"The bucket to import from did not answer: {str(error).splitlines()[0][:300]}")
