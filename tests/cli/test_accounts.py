"""Users, projects, tokens, keys, notifications and audit on the command line, against a real service."""

from __future__ import annotations

import json
import subprocess

from tests.cli.conftest import COMMAND, Service, Shell


def test_a_project_is_set_up_and_looked_at(own_service: Service):
    shell = own_service.shell
    _set_up(shell)
    _as_ann(shell)
    _tell(shell)
    actions = [r["action"] for r in shell.json("audit", "--limit", "100")]
    assert {"create_user", "create_project", "set_member", "change_quota", "create_key"} <= set(actions)
    assert "create_user" in shell.run("audit", "--action", "create_user").stdout


def _set_up(shell: Shell) -> None:
    shell.json("projects", "create", "vision", "--description", "cameras")
    made = shell.json("users", "create", "ann", "--project", "vision", "--role", "viewer")
    assert [p["role"] for p in made["projects"]] == ["viewer"]
    shell.json("projects", "add-member", "vision", "ann", "--role", "member")
    quota = shell.json("projects", "quota", "vision", "--jobs", "2", "--storage-gb", "1.5")["quota"]
    assert quota == {"jobs": 2, "storage_bytes": 1610612736}
    assert shell.json("projects", "quota", "vision", "--jobs", "none")["quota"] == {
        "storage_bytes": 1610612736
    }
    shown = shell.run("projects", "show", "vision").stdout
    assert "member ann" in shown
    refused = shell.run("users", "create", "ann")
    assert (refused.returncode, "exists" in refused.stderr) == (1, True)


def _as_ann(shell: Shell) -> None:
    done = subprocess.run(
        [*COMMAND, "users", "password", "ann"],
        input="correct horse battery\n",
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    token = shell.run("tokens", "create", "--user", "ann", "--name", "laptop", "--days", "3").stdout.strip()
    endpoint = json.loads((shell.home / "endpoint.json").read_text())["endpoint"]
    variables = {"TRAINSHED_ENDPOINT": endpoint, "TRAINSHED_TOKEN": token}
    ann = Shell(shell.folder, shell.home, variables)
    me = ann.json("users", "me")
    assert (me["user_name"], me["operator"], me["has_password"]) == ("ann", False, True)
    assert ann.run("users", "list").returncode == 1
    (listed,) = ann.json("tokens", "list")
    assert "token" not in listed
    key = ann.json("keys", "create", "--project", "vision")
    ann.json("keys", "disable", key["access_key"])
    ann.json("keys", "enable", key["access_key"])
    new = ann.json("keys", "rotate", key["access_key"], "--overlap-hours", "0")
    ann.json("keys", "delete", key["access_key"])
    assert [k["access_key"] for k in ann.json("keys", "list")] == [new["access_key"]]
    ann.json("tokens", "revoke", listed["id"])
    assert ann.run("users", "me").returncode == 1


def _tell(shell: Shell) -> None:
    shell.json("notifications", "create", "hook", "--to", "http://127.0.0.1:9/x", "--on", "job.failed")
    assert shell.json("notifications", "update", "hook", "--disable")["enabled"] is False
    failed = shell.run("notifications", "test", "hook")
    assert (failed.returncode, "no answer" in failed.stderr) == (1, True)
    assert [d["state"] for d in shell.json("notifications", "deliveries", "hook")] == ["failed"]
    assert "http://127.0.0.1:9/…" in shell.run("notifications", "list").stdout
    shell.json("notifications", "delete", "hook")
    assert shell.json("notifications", "list") == []
