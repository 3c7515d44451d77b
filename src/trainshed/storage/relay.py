"""Transfers between two object stores."""

from __future__ import annotations

from trainshed.storage.base import ObjectInfo, OnBytes, Part, Store, Stored, Transfer, run_alone


class ServerCopy(Transfer):
    """Inside one store: the server copies, nothing comes through here."""

    def __init__(self, store: Store, info: ObjectInfo, key: str) -> None:
        self._store, self._info, self._key = store, info, key
        self._made = info

    def parts(self) -> list[Part]:
        return [self._copy]

    def _copy(self, on_bytes: OnBytes) -> None:
        self._made = self._store.copy(self._info.key, self._key)
        on_bytes(self._info.size)

    def finish(self) -> Stored:
        return Stored(self._info.size, self._made.etag)

    def abort(self, _why: BaseException | None = None, /) -> None:
        return


class Relay(Transfer):
    """Between two servers: through a file on the local disk that nobody sees."""

    def __init__(self, source: Store, info: ObjectInfo, target: Store, key: str) -> None:
        self._source, self._info, self._target, self._key = source, info, target, key
        self._stored = Stored(0)

    def parts(self) -> list[Part]:
        return [self._copy]

    def _copy(self, on_bytes: OnBytes) -> None:
        import tempfile  # late: few need it

        with tempfile.TemporaryDirectory(prefix=".trainshed-") as directory:
            path = f"{directory}/object"
            run_alone(self._source.downloading(self._info, path))
            self._stored = run_alone(self._target.uploading(path, self._key), on_bytes)

    def finish(self) -> Stored:
        return self._stored

    def abort(self, _why: BaseException | None = None, /) -> None:
        return
