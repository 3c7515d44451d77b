"""Outside a job: a gateway of our own, keys from ``set_auth`` and the environment, or a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moxing.framework.file import _auth
from tests.cli.conftest import Shell
from tests.moxing.conftest import SOCKET
from tests.moxing.test_interpreters import _python
from tests.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, SeaweedFS
from trainshed.agent.moxing_gateway import put_library

NO_TRACE = {SOCKET, "TRAINSHED_HOME", "PYTHONPATH", "TRAINSHED_PYTHON"}


def _run(script: str, python: str = sys.executable, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in NO_TRACE}
    return subprocess.run(
        [python, "-c", script],
        env=inherited | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _servers() -> set[str]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"trainshed.cli.moxing_gateway" in (entry / "cmdline").read_bytes():
                    found.add(entry.name)
            except OSError:
                continue
    return found


def test_embedded_buckets_of_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / "buckets/mine").mkdir(parents=True)
    before = _servers()
    done = _run(
        "import moxing as mox; mox.file.write('obs://mine/a/x', '1');"
        "print(mox.file.list_directory('obs://mine', recursive=True), mox.file.read('obs://mine/a/x'))",
        PYTHONPATH="src", TRAINSHED_HOME=str(tmp_path), TMPDIR=str(tmp_path),
    )  # fmt: skip
    assert done.stdout == "['a', 'a/x'] 1\n", done.stderr
    assert (tmp_path / "buckets/mine/a/x").read_text() == "1"
    deadline = 500
    while _servers() - before and deadline:
        deadline -= 1
        os.sched_yield()
        subprocess.run(["true"], check=True)
    assert not _servers() - before
    assert not list(tmp_path.glob("moxing-*"))


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.13"])
def test_an_old_python_uses_the_trainshed_of_another(version: str, tmp_path: Path) -> None:
    (tmp_path / "buckets/mine").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin/trainshed"
    command.write_text(f"#!{sys.executable}\n")
    command.chmod(0o755)
    done = _run(
        "import moxing as mox; mox.file.write('obs://mine/x', '1'); print(mox.file.read('obs://mine/x'))",
        _python(version),
        PYTHONPATH=str(put_library(tmp_path / "python")), TRAINSHED_HOME=str(tmp_path),
        PATH=f"{tmp_path}/bin:/usr/bin:/bin",
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr


def test_without_trainshed_a_sentence_says_how(tmp_path: Path) -> None:
    done = _run(
        "import moxing as mox\ntry: mox.file.exists('obs://b/x')\n"
        "except mox.file.MoxFileRespException as e: print(e, e.resp.status)",
        _python("3.8"),
        PYTHONPATH=str(put_library(tmp_path / "python")), PATH="/usr/bin:/bin",
    )  # fmt: skip
    assert "install trainshed" in done.stdout, done.stderr
    assert "503" in done.stdout


def test_keys_from_the_environment_and_from_set_auth(seaweedfs: SeaweedFS) -> None:
    script = "import moxing as mox; {} mox.file.write('s3://objects/out', '1'); print(mox.file.read('s3://objects/out'))"
    done = _run(
        script.format(""), PYTHONPATH="src", S3_ENDPOINT=f"127.0.0.1:{seaweedfs.port}", S3_USE_HTTPS="0",
        ACCESS_KEY_ID=ACCESS_KEY, SECRET_ACCESS_KEY=SECRET_KEY,
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr
    auth = (
        f"mox.file.set_auth(ak='{ACCESS_KEY}', sk='{SECRET_KEY}', server='127.0.0.1', port={seaweedfs.port}, "
        "is_secure=False, path_style=True, long_conn_mode=True);"
    )
    done = _run(script.format(auth), PYTHONPATH="src")
    assert done.stdout == "1\n", done.stderr


def test_buckets_of_this_users_service(seaweedfs: SeaweedFS, tmp_path: Path) -> None:
    shell = Shell(
        tmp_path, tmp_path / "home", {"TRAINSHED_ACCESS_KEY": ACCESS_KEY, "TRAINSHED_SECRET_KEY": SECRET_KEY}
    )
    added = shell.run("storage", "add", "named-here", "--endpoint", seaweedfs.endpoint, "--bucket", "objects")
    assert added.returncode == 0, added.stderr
    done = _run(
        "import moxing as mox; mox.file.write('obs://named-here/from-laptop', '1');"
        "print(mox.file.read('obs://named-here/from-laptop'))",
        PYTHONPATH="src", TRAINSHED_HOME=str(tmp_path / "home"),
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr


def test_set_auth_puts_an_endpoint_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_auth, "_given", {})
    _auth.set_auth(is_secure=False, retry=3)
    assert _auth.settings(in_job=True) is None
    _auth.set_auth(ak="a", sk="b", server="", port=9000)
    assert _auth.settings(in_job=True) == {"access_key": "a", "secret_key": "b"}
    _auth.set_auth(server="obs.example.com")
    settings = _auth.settings(in_job=True)
    assert settings is not None
    assert settings["endpoint"] == "http://obs.example.com:9000"
    _auth.set_auth(server="https://other:1/", is_secure=True)
    settings = _auth.settings(in_job=True)
    assert settings is not None
    assert settings["endpoint"] == "https://other:1"
    assert _auth.given("retry") == 3


def test_an_unknown_word_of_set_auth_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_auth, "_given", {})
    _auth.set_auth(negotiation=False, obs_client_log=False, timeout_config={})
    assert capsys.readouterr().err == ""
    _auth.set_auth(acess_key="x")
    assert "acess_key" in capsys.readouterr().err
