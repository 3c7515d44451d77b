"""The examples in the docstrings of client and command line are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import trainshed.cli
import trainshed.client

MODULES = [
    module.name
    for package in (trainshed.cli, trainshed.client)
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + ".")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
