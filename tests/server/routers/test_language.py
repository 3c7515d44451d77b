"""Answers in the language that a request asks for; programs find the English beside it."""

from __future__ import annotations

import httpx
import pytest

from tests.server.running import Running

CHINESE = {"X-Language": "zh-cn"}


@pytest.mark.parametrize(
    "headers",
    [
        CHINESE,
        {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"},
        {"X-Language": "zh-cn", "Accept-Language": "en"},
    ],
)
def test_errors_are_said_in_chinese_with_the_english_beside(
    shared_server: Running, headers: dict[str, str]
) -> None:
    body = shared_server.api.get(shared_server.v2("training-jobs/not-there"), headers=headers).json()
    assert body == {
        "error_code": "TrainShed.4001",
        "error_msg": "本项目没有训练作业 'not-there'",
        "error_msg_en": "there is no training job 'not-there' in this project",
    }


@pytest.mark.parametrize(
    "headers", [{}, {"X-Language": "en-us", "Accept-Language": "zh"}, {"Accept-Language": "de"}]
)
def test_everybody_else_gets_english_and_nothing_more(
    shared_server: Running, headers: dict[str, str]
) -> None:
    body = shared_server.api.get(shared_server.v2("training-jobs/not-there"), headers=headers).json()
    assert body == {
        "error_code": "TrainShed.4001",
        "error_msg": "there is no training job 'not-there' in this project",
    }


def test_the_gate_and_the_fields_speak_it_too(shared_server: Running) -> None:
    refused = httpx.get(
        f"{shared_server.endpoint}/v1/account", headers={**CHINESE, "X-Auth-Token": "x"}
    ).json()
    assert refused["error_msg"] == "令牌无效或已过期"
    wrong = shared_server.api.post(
        shared_server.v2("training-jobs"), json={"kind": "job", "metadata": {"name": 7}}, headers=CHINESE
    ).json()
    assert wrong["error_msg"].startswith("metadata.name 应为文本")
    assert "must be text" in wrong["error_msg_en"]


def test_reasons_of_engines_are_said_in_chinese(shared_server: Running) -> None:
    items = shared_server.api.get(shared_server.v2("engines"), headers=CHINESE).json()["items"]
    reasons = {item["reason"] for item in items if item["reason"]}
    assert reasons
    assert [reason for reason in reasons if "需要" not in reason and "容器" not in reason] == []
