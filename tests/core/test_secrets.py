"""Which variables hold secrets, and what is shown of them."""

from __future__ import annotations

import pytest

from trainshed.core.secrets import MASK, is_secret, masked, without_password

SECRETS = """HF_TOKEN GITHUB_TOKEN github_token TOKEN MYTOKEN WANDB_API_KEY APIKEY OPENAI_API_KEY KEY
SSH_KEY KEYS AWS_SECRET_ACCESS_KEY
AWS_ACCESS_KEY_ID SECRET CLIENT_SECRET_V2 PASSWORD DB_PASSWD PGPASSWORD MYSQL_PWD
PASSPHRASE GOOGLE_CREDENTIALS BASIC_AUTH SENTRY_DSN GH_PAT PRIVATE_KEY_PEM TOKEN_2 DB_PASS"""
OPEN = """TOKENIZERS_PARALLELISM KEYBOARD MONKEY PATH PYTHONPATH MAX_TOKENIZED HTTP_PROXY CUDA_VISIBLE_DEVICES
AUTHOR BYPASS COMPASS EPOCHS PATIENCE MA_JOB_DIR LD_LIBRARY_PATH"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_a_secret_is_known_by_its_name(name: str):
    assert is_secret(name)
    assert masked({name: "value"}) == {name: MASK}


@pytest.mark.parametrize("name", OPEN.split())
def test_what_is_no_secret_is_shown(name: str):
    assert masked({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pw@proxy:3128/x", f"http://{MASK}@proxy:3128/x"),
        ("postgresql+psycopg://u:p@h/d?x=1", f"postgresql+psycopg://{MASK}@h/d?x=1"),
        ("redis://:pw@h", f"redis://{MASK}@h"),
        ("http://host/path", "http://host/path"),
        ("a:b@c", "a:b@c"),
    ],
)
def test_passwords_in_addresses_are_masked(text: str, shown: str):
    assert without_password(text) == shown
    assert masked({"HTTP_PROXY": text}) == {"HTTP_PROXY": shown}
