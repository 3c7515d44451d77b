"""The sentences for people that the source holds: those of its errors, outcomes and notes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import trainshed

ROOT = Path(trainshed.__file__).parent
# calls that take a sentence, and where they take it
_TAKERS = {"TaskOutcome": 2, "note": 1, "Offer": 1}
_DEEP = 4
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with ``{}`` for its gaps, and the line that says it."""

    text: str
    where: str


def sentences() -> list[Sentence]:
    """All of them, each once."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}
    errors = _errors(trees.values())
    found: dict[str, Sentence] = {}
    for path, tree in trees.items():
        for line, text in _said(tree, errors):
            if any(map(str.isalpha, text)) and " " in text.strip():
                found.setdefault(text, Sentence(text, f"{path.relative_to(ROOT)}:{line}"))
    return list(found.values())


def _errors(trees: Iterable[ast.Module]) -> set[str]:
    """Names of the errors that trainshed raises."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    errors, before = {"TrainshedError"}, 0
    while len(errors) > before:
        before = len(errors)
        errors |= {
            c.name for c in classes if any(isinstance(b, ast.Name) and b.id in errors for b in c.bases)
        }
    return errors


def _said(tree: ast.Module, errors: set[str]) -> Iterator[tuple[int, str]]:
    functions = [node for node in ast.walk(tree) if isinstance(node, _Function)]
    takers = _TAKERS | dict.fromkeys(errors, 0) | _makers(functions, errors)
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        place = takers.get(_name(call.func))
        if place is None or len(call.args) <= place:
            continue
        inside = [f for f in functions if f.lineno <= call.lineno <= (f.end_lineno or 0)]
        scope = max(inside, key=lambda f: f.lineno, default=None)
        for text in _texts(call.args[place], scope):
            yield call.lineno, text


def _makers(functions: list[_Function], errors: set[str]) -> dict[str, int]:
    """Functions of a module that make an error of the sentence they are given first."""
    made: dict[str, int] = {}
    for function in functions:
        names = [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")]
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _name(call.func) in errors and call.args and names:
                first = call.args[0]
                if isinstance(first, ast.Name) and first.id == names[0]:
                    made[function.name] = 0
    return made


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.expr, scope: _Function | None, deep: int = 0) -> list[str]:
    """The texts that an expression can be, as far as one can see; a gap for what cannot be seen."""
    found: list[str] = []
    if deep > _DEEP:
        return found
    match node:
        case ast.Constant(value=str(text)):
            found = [text]
        case ast.JoinedStr(values=parts):
            found = ["".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            ends = [_texts(side, scope, deep + 1) or ["{}"] for side in (left, right)]
            found = [a + b for a in ends[0] for b in ends[1]]
        case ast.IfExp(body=yes, orelse=no):
            found = _texts(yes, scope, deep + 1) + _texts(no, scope, deep + 1)
        case ast.Name(id=name) if scope is not None:
            given = [a for a in ast.walk(scope) if isinstance(a, ast.Assign)]
            named = [a for a in given if any(isinstance(t, ast.Name) and t.id == name for t in a.targets)]
            found = [text for a in named for text in _texts(a.value, scope, deep + 1)]
        case _:
            pass
    return found
