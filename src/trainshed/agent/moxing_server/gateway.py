"""What each request does; ``docs/moxing-protocol.md`` is its list."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from trainshed.agent.moxing_server import copies, objects, wire
from trainshed.agent.moxing_server.buckets import Settings, Stores
from trainshed.agent.moxing_server.failures import Refusal
from trainshed.agent.moxing_server.flights import Flights, Writes
from trainshed.agent.moxing_server.known import Known
from trainshed.agent.moxing_server.places import Mounts
from trainshed.agent.moxing_server.reading import Reading
from trainshed.agent.moxing_server.server import Talk
from trainshed.agent.moxing_server.wire import Answer, Body
from trainshed.core.errors import TrainshedError
from trainshed.storage import ObjectInfo, Store

Request = dict[str, Any]


class Gateway:
    """Answers requests for the buckets of one job.

    Args:
        settings: of the buckets, as ``TaskSpec.buckets`` has them.
        mounts: what ranks in a sandbox see where; None where they see what we see.
        home: also the embedded buckets of this user.
    """

    def __init__(self, settings: Settings, mounts: Mapping[str, str] | None, *, home: bool = False) -> None:
        self._stores = Stores(settings, home=home)
        self._mounts = Mounts(mounts)
        self._writes = Writes()
        self._flights = Flights(self._writes)
        self._known = Known()
        self._appends = objects.Appends()
        self._requests: dict[str, Callable[[Request, Body, Talk], Answer]] = {
            "append": self._append,
            "download": self._download,
            "list": self._list,
            "mkdir": self._mkdir,
            "open": self._open,
            "ping": self._ping,
            "put": self._put,
            "read": self._read,
            "remove": self._remove,
            "stat": self._stat,
            "transfer": self._transfer,
            "upload": self._upload,
            "write": self._write,
        }

    def handle(self, request: Request, body: Body, talk: Talk) -> Answer:
        """Do what is asked.

        Raises:
            TrainshedError, Refusal: it cannot be done.
        """
        if request.get("v") != wire.VERSION:
            raise Refusal("invalid", f"this gateway speaks version {wire.VERSION}, not {request.get('v')!r}")
        found = self._requests.get(str(request.get("op")))
        if found is None:
            raise Refusal("invalid", f"this gateway knows no request {request.get('op')!r}")
        return found(request, body, talk)

    def stop(self) -> None:
        """End what takes long."""
        self._flights.cancel()

    def _at(self, request: Request, field: str = "uri") -> tuple[Store, str]:
        store, key, _ = self._stores.resolve(str(request[field]), request.get("auth"))
        return store, key

    def _ping(self, _request: Request, _body: Body, _talk: Talk) -> Answer:
        return Answer()

    def _stat(self, request: Request, _body: Body, _talk: Talk) -> Answer:
        return Answer(objects.described(objects.look(*self._at(request))))

    def _list(self, request: Request, _body: Body, talk: Talk) -> Answer:
        first = True
        recursive = bool(request.get("recursive"))
        for page in objects.pages(*self._at(request), str(request["uri"]), recursive=recursive):
            talk.progress({"entries": page, "first": first})
            first = False
        return Answer()

    def _open(self, request: Request, _body: Body, _talk: Talk) -> Answer:
        return objects.open_object(*self._at(request), str(request["uri"]))

    def _read(self, request: Request, _body: Body, talk: Talk) -> Answer:
        store, key = self._at(request)
        info = ObjectInfo(key, int(request["size"]), etag=str(request["etag"]))
        reading = talk.memory.get("reading")
        if reading is None or reading.info != info:
            if reading is not None:
                talk.memory.pop("reading").close()
            reading = talk.memory["reading"] = Reading(store, info)
        try:
            body = reading.piece(int(request["offset"]), int(request["length"]), ahead=bool(request["ahead"]))
            return Answer(body=body)
        except TrainshedError as error:
            raise Refusal("read", error.message, str(request["uri"])) from error

    def _write(self, request: Request, body: Body, _talk: Talk) -> Answer:
        objects.write(*self._at(request), str(request["uri"]), body)
        return self._written(request)

    def _put(self, request: Request, _body: Body, _talk: Talk) -> Answer:
        place = self._mounts.place(str(request["path"]))
        objects.upload(*self._at(request), str(request["uri"]), place.path, place.root)
        return self._written(request)

    def _append(self, request: Request, body: Body, _talk: Talk) -> Answer:
        store, key = self._at(request)
        uri = str(request["uri"])
        if "source" not in request:
            self._appends.add(store, key, uri, body, body.left)
            return self._written(request)
        source, source_key = self._at(request, "source")
        size = source.stat(source_key).size
        with source.open_read(source_key) as more:
            self._appends.add(store, key, uri, more, size)
        return self._written(request)

    def _mkdir(self, request: Request, _body: Body, _talk: Talk) -> Answer:
        objects.make_directory(*self._at(request), str(request["uri"]))
        return self._written(request)

    def _remove(self, request: Request, _body: Body, _talk: Talk) -> Answer:
        recursive = bool(request.get("recursive"))
        removed = objects.remove(*self._at(request), str(request["uri"]), recursive=recursive)
        return self._written(request, removed=removed)

    def _written(self, request: Request, field: str = "uri", **result: Any) -> Answer:
        self._writes.note(str(request[field]))
        return Answer(result)

    def _download(self, request: Request, _body: Body, talk: Talk) -> Answer:
        store, key = self._at(request)
        place = self._mounts.place(str(request["path"]))
        how = _how(request)
        flight = ("download", id(store), key, copies.real(place.path), json.dumps(how))
        copy = copies.Download(store, key, place, self._known, **how)
        return Answer(self._flights.run(flight, str(request["uri"]), copy.run, talk.progress))

    def _upload(self, request: Request, body: Body, talk: Talk) -> Answer:
        store, key = self._at(request)
        files, directories = copies.upload_request(json.loads(body.whole()))
        copy = copies.Upload(store, key, self._mounts, files, directories)
        flight = ("upload", id(store), key, copies.listing_key(files))
        try:
            return Answer(self._flights.run(flight, str(request["uri"]), copy.run, talk.progress))
        finally:
            self._writes.note(str(request["uri"]))

    def _transfer(self, request: Request, _body: Body, talk: Talk) -> Answer:
        store, key = self._at(request)
        target, target_key = self._at(request, "target")
        how = _how(request)
        copy = copies.Transfers(store, key, target, target_key, **how)
        flight = ("transfer", id(store), key, id(target), target_key, json.dumps(how))
        try:
            return Answer(self._flights.run(flight, str(request["uri"]), copy.run, talk.progress))
        finally:
            self._writes.note(str(request["target"]))


def _how(request: Request) -> dict[str, Any]:
    """What the copying requests have in common."""
    names = request.get("names")
    return {
        "names": None if names is None else [str(n) for n in names],
        "into": bool(request.get("into")),
        "single": bool(request.get("single")),
    }
