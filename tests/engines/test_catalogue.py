"""The catalogue: what ships is sound, names mean the newest, wrong files are refused precisely."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainshed.core.errors import Code, InvalidInput
from trainshed.engines import catalogue

PUBLISHED = {
    "tensorflow_2.1.0-cuda_10.1-py_3.7-ubuntu_18.04-x86_64",
    "pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64",
}

GOOD = """
family = "Mine"

[[engine]]
id = "mine_1.0"
framework = "Mine"
framework_version = "1.0"
launcher = "plain"

[engine.recipe]
python = "3.11"
requirements = ["six==1.17.0"]
imports = ["six"]
"""


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_published_rows_keep_their_ids(presets: catalogue.Catalogue) -> None:
    published = {engine.id for engine in presets if engine.published}
    assert published >= PUBLISHED
    assert all(presets.get(engine_id).version == engine_id for engine_id in published)


def test_every_preset_is_sound(presets: catalogue.Catalogue) -> None:
    assert len(presets) == len(list(presets))
    for engine in presets:
        assert engine.id in presets
        assert engine.recipe.imports or engine.image


@pytest.mark.parametrize("name", ["pytorch", "PyTorch", "tensorflow", "TENSORFLOW"])
def test_a_family_means_its_newest(presets: catalogue.Catalogue, name: str) -> None:
    newest = presets.newest(name)
    family = [engine for engine in presets if engine.family == newest.family]
    assert newest.family.lower() == name.lower()
    versions = [catalogue.version_key(engine.framework_version) for engine in family]
    assert catalogue.version_key(newest.framework_version) == max(versions)


def test_newest_looks_only_at_what_is_offered(presets: catalogue.Catalogue) -> None:
    old = presets.newest("pytorch", lambda engine: engine.published)
    assert old.framework_version == "1.8.0"
    with pytest.raises(InvalidInput, match="engines list") as caught:
        presets.newest("pytorch", lambda _: False)
    assert caught.value.code == Code.ENGINE_NOT_OFFERED


def test_an_unknown_name_lists_the_families(presets: catalogue.Catalogue) -> None:
    for look in (presets.get, presets.newest):
        with pytest.raises(InvalidInput, match=r"no engine 'nothing'.*pytorch") as caught:
            look("nothing")
        assert caught.value.code == Code.ENGINE_UNKNOWN


def test_a_dropped_file_adds_an_engine(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    found = catalogue.load(tmp_path)
    assert found.newest("mine").id == "mine_1.0"
    assert found.get("mine_1.0").version == "mine_1.0"
    assert len(found) == len(catalogue.load()) + 1


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('python = "3.11"', "", "recipe.python is missing"),
        ('python = "3.11"', "python = 3.11", "recipe.python must be a string"),
        ('python = "3.11"', 'python = "three"', "recipe.python 'three'"),
        ('launcher = "plain"', 'launcher = "rocket"', "launcher must be one of"),
        ('launcher = "plain"', 'launcher = "plain"\ncolour = "red"', "no field 'colour'"),
        ('"six==1.17.0"', '"six==1.17.0", "rm -rf"', "'rm -rf'"),
        ('imports = ["six"]', "", "recipe.imports"),
        ('imports = ["six"]', 'imports = ["os; x"]', "no module name"),
        ('id = "mine_1.0"', 'id = "mine 1.0"', "id must be"),
        ('id = "mine_1.0"', 'id = "pytorch_2.13.0-py_3.11"', "taken already"),
        ('imports = ["six"]', 'imports = ["six"]\nbuild = "rocket"', "recipe.build 'rocket'"),
        ("[[engine]]", "[[motor]]", r"no \[\[engine\]\] table"),
        ('family = "Mine"', "family = ", "cannot be read"),
        ('family = "Mine"', 'family = ""', "family is empty"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(InvalidInput, match=problem) as caught:
        catalogue.load(tmp_path)
    assert caught.value.code == Code.CATALOGUE_INVALID
    assert caught.value.message.startswith("mine.toml: ")


def test_a_file_without_tables_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "engine = [1]")
    with pytest.raises(InvalidInput, match=r"no \[\[engine\]\] table"):
        catalogue.load(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match=r"mine\.toml: cannot be read"):
        catalogue.load(tmp_path)
