"""What can be said of a job's boot file before the job is made: an error, or warnings."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from trainshed.core.algorithm import Access
from trainshed.core.engine import Engine
from trainshed.core.errors import Code, InvalidInput, TrainshedError
from trainshed.core.job import JobSpec
from trainshed.jobs.boot_file import MOST_BYTES, Look, Mistake, look

if TYPE_CHECKING:
    from trainshed.server.context import Context, Principal

Warnings = tuple[tuple[str, str], ...]
"""Sentences, each in English and in Chinese."""


def warnings(context: Context, caller: Principal, spec: JobSpec, engine: Engine) -> Warnings:
    """What is likely to go wrong with the boot file.

    Raises:
        InvalidInput: it is no Python that the engine's interpreter would take.
    """
    if not spec.boot_file.endswith(".py") or not spec.code_dir:
        return ()
    source = _source(context, caller, spec)
    python = _version(engine.recipe.python)
    if source is None or python is None:
        return ()
    passed = [c.name for c in (*spec.inputs, *spec.outputs) if c.access is Access.PARAMETER]
    names = [*passed, *(parameter.name for parameter in spec.parameters)]
    seen = look(source, names, min(python, sys.version_info[:2]))
    if seen.mistake and python <= sys.version_info[:2]:
        raise _refused(spec.boot_file, seen.mistake, engine.recipe.python)
    return tuple(_sentences(spec.boot_file, name, seen) for name in seen.unknown)


def _source(context: Context, caller: Principal, spec: JobSpec) -> bytes | None:
    """The boot file; None where it is too large to look at or cannot be read now."""
    stores = context.buckets.stores(caller.project_id)
    with (
        suppress(TrainshedError),
        stores.open_read(spec.code_dir + spec.boot_file, 0, MOST_BYTES + 1) as file,
    ):
        source = file.read()
        return source if len(source) <= MOST_BYTES else None
    return None


def _version(text: str) -> tuple[int, int] | None:
    major, _, rest = text.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _refused(boot_file: str, mistake: Mistake, python: str) -> InvalidInput:
    where = f"line {mistake.line} of {boot_file}" if mistake.line else boot_file
    shown = f": {mistake.text[:120]}" if mistake.text else ""
    return InvalidInput(
        f"{where} is no Python {python} ({mistake.message}){shown}", code=Code.BOOT_FILE_INVALID
    )


def _sentences(boot_file: str, name: str, seen: Look) -> tuple[str, str]:
    known = ", ".join(seen.known[:12]) or "none"
    return (
        f"{boot_file} calls parse_args(), which refuses --{name}: the job passes it, and the parser knows "
        f"{known}. Add parser.add_argument('--{name}'), or call parse_known_args()",
        f"{boot_file} 使用 parse_args()，会拒绝作业传入的 --{name}（已定义：{known}）。"
        f"请添加 parser.add_argument('--{name}')，或改用 parse_known_args()",
    )
