"""What the service says comes out in Chinese, and what others say comes out as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.sentences import Sentence, sentences
from trainshed.translation import Catalogue, chinese
from trainshed.translation.catalogue import Gap, load, pieces_of

LEAST = 0.9
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


def test_every_gap_of_a_sentence_has_its_place() -> None:
    for english, other in load("zh.toml").items():
        numbers = {piece.number for piece in pieces_of(other) if isinstance(piece, Gap)}
        assert numbers == set(range(english.count("{}"))), english


def test_what_the_source_says_is_in_the_catalogue() -> None:
    """Whoever writes a new sentence adds its Chinese; a few may be missing for a while."""
    said = sentences()
    assert len(said) > 300
    missing = [sentence for sentence in said if not _known(sentence)]
    listed = "\n".join(f"{sentence.where}: {sentence.text}" for sentence in missing)
    assert len(missing) <= (1 - LEAST) * len(said), f"add these to zh.toml:\n{listed}"


def _known(sentence: Sentence) -> bool:
    text = sentence.text.replace("{}", "7")
    return chinese(text) != text


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        ("metadata.name is missing (and 2 more)", "缺少 metadata.name（另有 2 处）"),
        ("worker-0: the script ended with exit code 1", "worker-0：脚本异常退出，退出码 1"),
        (
            "worker-2: the script was killed by SIGKILL; most often the node ran out of memory",
            "worker-2：脚本被 SIGKILL 终止（通常是节点内存不足）",
        ),
        ("input 'data_url': nothing is at obs://data/in/", "输入 'data_url'：obs://data/in/ 处没有数据"),
        (
            "you are viewer of this project, and this needs member: ask an admin of the project",
            "您是本项目的只读成员，而此操作需要成员：请联系项目管理员",
        ),
        (
            "pool local does not offer engine x: no pool has its chip",
            "资源池 local 不提供引擎 x：没有资源池具备所需芯片",
        ),
    ],
)
def test_sentences_within_sentences(english: str, expected: str) -> None:
    assert chinese(english) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ValueError: no such label: 11",
        "epoch 1 loss=0.5",
        "作业已创建",
        "{}",
        "{0}",
        "a: b: c",
        "x" * 9000,
    ],
)
def test_other_words_stay_as_they_are(text: str) -> None:
    assert chinese(text) == text


def test_the_sentence_with_most_words_of_its_own_wins() -> None:
    words = Catalogue({"job {} is {}": "A {} {}", "job {} is {} already": "B {} {}", "job 7 is done": "C"})
    assert words.translate("job 7 is gone already") == "B 7 gone"
    assert words.translate("job 7 is gone") == "A 7 gone"
    assert words.translate("job 7 is done") == "C"


@given(st.lists(WORDS, min_size=3, max_size=3))
def test_what_stands_in_the_gaps_is_kept(parts: list[str]) -> None:
    """Hostile text neither breaks a translation nor is lost in it, whatever braces it holds."""
    text = "copy «{}» over «{}» to «{}»".format(*parts)
    made = Catalogue({"copy «{}» over «{}» to «{}»": "<{0}|{1}|{2}>"}).translate(text)
    assert len(made) == len(text) - len("copy «» over «» to «»") + len("<||>")
    if not any("«" in part or "»" in part for part in parts):
        assert made == "<{}|{}|{}>".format(*parts)


@given(WORDS)
def test_any_text_can_be_translated(text: str) -> None:
    assert isinstance(chinese(text), str)
