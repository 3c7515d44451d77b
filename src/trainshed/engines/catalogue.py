"""The catalogue of engines: data in ``catalogue/*.toml``, one file a family.

An administrator adds engines by dropping files of the same form into a folder of their own
(``<home>/engines``). Every file is checked strictly; an error names the file and the key.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from trainshed.core.engine import Engine, Recipe
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.resources import Chip
from trainshed.core.wire import from_wire
from trainshed.engines import recipes

PRESETS = Path(__file__).parent / "catalogue"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PYTHON = re.compile(r"3\.\d{1,2}")
REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9_,-]+\])?\s*([<>=!~].*|@.*|;.*)?")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Catalogue:
    """All engines of a service, by id; iteration goes family by family, newest first."""

    def __init__(self, engines: Iterable[Engine]) -> None:
        self._engines = {engine.id: engine for engine in engines}

    def __iter__(self) -> Iterator[Engine]:
        return iter(self._engines.values())

    def __len__(self) -> int:
        return len(self._engines)

    def __contains__(self, engine_id: object) -> bool:
        return engine_id in self._engines

    def add(self, engine: Engine) -> None:
        """Take in one more engine; whoever iterates meanwhile does not see it."""
        self._engines = {**self._engines, engine.id: engine}

    def get(self, engine_id: str) -> Engine:
        """The engine with exactly this id.

        Raises:
            InvalidInput: there is none.
        """
        try:
            return self._engines[engine_id]
        except KeyError:
            raise self._unknown(engine_id) from None

    def newest(self, name: str, offered: Callable[[Engine], bool] = lambda _: True) -> Engine:
        """The newest engine that ``name`` means, among those that ``offered`` accepts.

        A name is, in this order, an id, an alias, a family or a framework, in any case:
        ``pytorch``, ``tensorflow``, ``mindspore``, ``horovod-pytorch``.

        Raises:
            InvalidInput: nothing goes by that name, or none of it is offered.
        """
        if name in self._engines:
            return self._engines[name]
        candidates = self.named(name)
        if not candidates:
            raise self._unknown(name)
        usable = [engine for engine in candidates if offered(engine)]
        if not usable:
            raise InvalidInput(
                f"no engine of {name!r} runs here; 'trainshed engines list' says why for each",
                code=Code.ENGINE_NOT_OFFERED,
            )
        return max(usable, key=_newness)

    def named(self, name: str) -> list[Engine]:
        """All engines that an alias, else a family, else a framework of this name means."""
        wanted = _fold(name)
        for names in (_aliases, _family, _framework):
            if found := [engine for engine in self if wanted in names(engine)]:
                return found
        return []

    def _unknown(self, name: str) -> InvalidInput:
        families = sorted({engine.family.lower() for engine in self})
        return InvalidInput(
            f"there is no engine {name[:80]!r}; 'trainshed engines list' shows all, and a family "
            f"({', '.join(families)}) means its newest",
            code=Code.ENGINE_UNKNOWN,
        )


@functools.cache
def presets() -> frozenset[str]:
    """Ids of the engines that are part of trainshed."""
    return frozenset(engine.id for engine in load())


def load(custom: Path | None = None) -> Catalogue:
    """The preset engines, then those of ``custom/*.toml`` where that folder exists.

    Raises:
        InvalidInput: a file is wrong, or an id is taken twice.
    """
    files = sorted(PRESETS.glob("*.toml"))
    if custom is not None and custom.is_dir():
        files += sorted(custom.glob("*.toml"))
    engines: dict[str, Engine] = {}
    for file in files:
        for engine in read(file):
            if engine.id in engines:
                raise _wrong(file, f"engine {engine.id!r}: the id is taken already; choose another")
            engines[engine.id] = engine
    return Catalogue(engines.values())


def read(file: Path) -> list[Engine]:
    """The engines of one file, checked.

    Raises:
        InvalidInput: the file cannot be read or something in it is wrong; says what and where.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(file, f"cannot be read: {error}") from error
    common = {key: value for key, value in data.items() if key != "engine"}
    found = data.get("engine")
    tables = cast("list[Any]", found) if isinstance(found, list) else []
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise _wrong(file, "has no [[engine]] table")
    return [_engine(file, common, table) for table in tables]


def version_key(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare by.

    >>> version_key("2.13.0") > version_key("2.2")
    True
    """
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _newness(engine: Engine) -> tuple[tuple[int, ...], bool]:
    """What is newer wins; of two alike, the one that runs anywhere."""
    return version_key(engine.framework_version), Chip.CPU in engine.chips


def _engine(file: Path, common: dict[str, Any], table: dict[str, Any]) -> Engine:
    merged = {**common, **table}
    merged.setdefault("version", merged.get("id", ""))
    where = f"engine {merged.get('id', '?')!r}"
    try:
        engine = from_wire(Engine, merged)
    except InvalidInput as error:
        raise _wrong(file, f"{where}: {error.message.removeprefix('Engine.')}") from error
    if problem := _problem(engine):
        raise _wrong(file, f"{where}: {problem}")
    return engine


def _problem(engine: Engine) -> str:
    """What is wrong with the values of a well-formed engine, or nothing."""
    return next(_problems(engine), "")


def _problems(engine: Engine) -> Iterator[str]:
    if not _ID.fullmatch(engine.id):
        yield "id must be 1 to 128 letters, digits, '.', '_' or '-'"
    for key in ("family", "framework", "framework_version"):
        if not getattr(engine, key):
            yield f"{key} is empty"
    if not engine.chips or not engine.archs:
        yield "chips and archs must each name at least one"
    if not engine.image and not engine.recipe.imports:
        yield "recipe.imports must name a module to verify the environment with"
    yield from _recipe_problems(engine.recipe)


def _recipe_problems(recipe: Recipe) -> Iterator[str]:
    for python in (recipe.python, *recipe.other_pythons):
        if not _PYTHON.fullmatch(python):
            yield f"recipe.python {python!r} must be a version such as 3.11"
    for key in ("requirements", "gpu_requirements", "no_deps"):
        for line in getattr(recipe, key):
            if not REQUIREMENT.fullmatch(line):
                yield f"recipe.{key} has {line!r}, which is no requirement such as 'torch==2.13.0'"
    for module in recipe.imports:
        if not _MODULE.fullmatch(module):
            yield f"recipe.imports has {module!r}, which is no module name"
    if recipe.build and recipe.build not in recipes.NAMES:
        yield f"recipe.build {recipe.build!r} must be one of: {', '.join(recipes.NAMES)}"


def _wrong(file: Path, problem: str) -> InvalidInput:
    return InvalidInput(f"{file.name}: {problem}", code=Code.CATALOGUE_INVALID)


def _fold(name: str) -> str:
    return name.lower().replace("_", "-")


def _aliases(engine: Engine) -> set[str]:
    return {_fold(alias) for alias in engine.aliases}


def _family(engine: Engine) -> set[str]:
    return {_fold(engine.family)}


def _framework(engine: Engine) -> set[str]:
    return {_fold(engine.framework)}
