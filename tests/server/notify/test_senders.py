"""Each sender against a real receiver on loopback; signatures checked as their receivers would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import threading
from collections.abc import Generator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from tests.servers.receivers import Hook, Mailbox, hook, mailbox
from tests.servers.tls import Authority
from trainshed.core.errors import Forbidden, InvalidInput, Unavailable
from trainshed.server.notify import MailServer, Message, Target, Undelivered, base, senders
from trainshed.storage.egress import Egress

HERE = Egress(["loopback"])
MESSAGE = Message("id-1", "job.failed", "Job a has failed", "x <b>&\n第二行", 1000.5, {"job_id": "j"})


@pytest.fixture
def receiver() -> Generator[Hook]:
    with hook() as found:
        yield found


def send(kind: str, target: Target, now: float = 0.0, mail: MailServer | None = None) -> None:
    senders(HERE, mail)[kind].send(target, MESSAGE, now)


def test_a_webhook_is_signed_as_standard_webhooks_verify_it(receiver: Hook):
    import time

    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    send("webhook", Target(receiver.url + "/in?x=1", secret), now=time.time())
    got = receiver.next()
    assert got.path == "/in?x=1"
    payload = Verifier(secret).verify(got.body, got.headers)
    assert payload["type"] == "job.failed"
    assert payload["timestamp"] == 1_000_500
    assert payload["data"] == {"job_id": "j"}
    assert got.headers["webhook-id"] == "id-1"
    with pytest.raises(Exception, match="signature"):
        Verifier("whsec_" + base64.b64encode(b"t" * 32).decode()).verify(got.body, got.headers)


def test_feishu_gets_its_signature_in_the_body(receiver: Hook):
    send("feishu", Target(receiver.url, "s3cret"), now=1599360473.9)
    body = receiver.next().json
    key = b"1599360473\ns3cret"
    assert body["timestamp"] == "1599360473"
    assert body["sign"] == base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode()
    post = body["content"]["post"]["zh_cn"]
    assert (body["msg_type"], post["title"]) == ("post", MESSAGE.title)
    assert post["content"] == [[{"tag": "text", "text": MESSAGE.text}]]


def test_dingtalk_gets_its_signature_in_the_address(receiver: Hook):
    send("dingtalk", Target(f"{receiver.url}/robot/send?access_token=t", "SECabc"), now=1600000000.123)
    got = receiver.next()
    query = parse_qs(urlsplit(got.path).query)
    assert query["access_token"] == ["t"]
    assert query["timestamp"] == ["1600000000123"]
    digest = hmac.new(b"SECabc", b"1600000000123\nSECabc", hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(digest).decode()]
    assert got.json["msgtype"] == "text"
    assert MESSAGE.text in got.json["text"]["content"]


def test_wecom_gets_a_text_of_no_more_bytes_than_it_takes(receiver: Hook):
    long = Message("i", "job.failed", "t", "字" * 2000, 0.0)
    senders(HERE, None)["wecom"].send(Target(receiver.url + "/send?key=k"), long, 0.0)
    text = receiver.next().json["text"]["content"]
    assert 2000 < len(text.encode()) <= 2048
    assert text.startswith("t\n字")


def test_slack_gets_no_markup_from_a_job(receiver: Hook):
    receiver.then = (200, {}, b"ok")
    send("slack", Target(receiver.url))
    assert receiver.next().json == {"text": "*Job a has failed*\nx &lt;b&gt;&amp;\n第二行"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("feishu", b'{"code":19021,"msg":"sign match fail"}'),
        ("dingtalk", b'{"errcode":310000,"errmsg":"sign match fail"}'),
        ("wecom", b'{"errcode":93000,"errmsg":"sign match fail"}'),
    ],
)
def test_a_bot_that_says_no_with_200_has_not_taken_it(receiver: Hook, kind: str, body: bytes):
    receiver.answer(200, body)
    with pytest.raises(Undelivered, match="sign match fail"):
        send(kind, Target(receiver.url, "s"))
    receiver.answer(200, b"<html>")
    with pytest.raises(Undelivered, match="no JSON"):
        send(kind, Target(receiver.url, "s"))


@pytest.mark.parametrize(
    ("status", "hopeless"), [(500, False), (429, False), (408, False), (404, True), (410, True)]
)
def test_some_answers_are_worth_another_try(receiver: Hook, status: int, hopeless: bool):
    receiver.answer(status, b"why")
    with pytest.raises(Undelivered, match=f"{status}: why") as caught:
        send("webhook", Target(receiver.url))
    assert caught.value.hopeless == hopeless


def test_a_redirect_is_not_followed(receiver: Hook):
    with hook() as other:
        receiver.answer(302, b"", Location=other.url)
        with pytest.raises(Undelivered, match="redirects are not followed") as caught:
            send("webhook", Target(receiver.url))
        assert caught.value.hopeless
        assert other.received.empty()


def test_the_address_that_was_judged_is_the_one_that_is_reached(
    receiver: Hook, monkeypatch: pytest.MonkeyPatch
):
    """A name that turns into another address after it was judged: the second answer is never asked for."""
    port = urlsplit(receiver.url).port
    answers = [[("127.0.0.1", port)], [("169.254.169.254", port)]]

    def rebound(host: str, *_: object, **__: object):
        addresses = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr("trainshed.storage.egress.socket.getaddrinfo", rebound)
    real = socket.create_connection
    reached: list[str] = []

    def connect(address: tuple[str, int], **options: float) -> socket.socket:
        reached.append(address[0])
        # what socket.create_connection would ask the resolver for is an address already
        assert address[0] == "127.0.0.1"
        plain = socket.socket()
        plain.settimeout(options["timeout"])
        plain.connect(address)
        return plain

    assert real is not connect
    monkeypatch.setattr("trainshed.storage.egress.socket.create_connection", connect)
    send("webhook", Target(f"http://rebind.example:{port}/x"))
    assert receiver.next().headers["host"] == f"rebind.example:{port}"
    assert reached == ["127.0.0.1"]
    with pytest.raises(Undelivered, match=r"169\.254\.169\.254") as caught:
        send("webhook", Target(f"http://rebind.example:{port}/x"))
    assert caught.value.hopeless


@pytest.mark.parametrize(
    ("scheme", "first"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n"),
        ("https", b"\x16\x03\x03\x40\x00"),  # the head of a long TLS record
    ],
)
def test_a_receiver_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch, scheme: str, first: bytes):
    monkeypatch.setattr(base, "OVER_S", 0.5)
    monkeypatch.setattr(base, "TIMEOUT_S", 60.0)
    given_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                for piece in (first, *(b"x",) * 400):
                    try:
                        connection.sendall(piece)
                    except OSError:
                        given_up.set()
                        return
                    given_up.wait(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(Undelivered):
            send("feishu", Target(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"))
        thread.join()
    assert given_up.is_set()


# ---- over TLS, with a certificate authority of one's own


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def trust(patch: pytest.MonkeyPatch, authority: Authority) -> None:
    patch.setenv("SSL_CERT_FILE", str(authority.file))


def test_a_webhook_over_tls_arrives(authority: Authority, monkeypatch: pytest.MonkeyPatch):
    trust(monkeypatch, authority)
    with hook(authority.server("localhost", "127.0.0.1")) as receiver:
        for url in (receiver.url, receiver.url.replace("localhost", "127.0.0.1")):
            send("slack", Target(url + "/services/T0/B0/x"))
            assert receiver.next().path == "/services/T0/B0/x"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("case", ["stranger", "other name", "expired"])
def test_a_receiver_that_cannot_be_who_it_says_gets_nothing(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
):
    trust(monkeypatch, authority)
    made = {
        "stranger": lambda: Authority.make(tmp_path, "Eve").server("localhost"),
        "other name": lambda: authority.server("hooks.example.com"),
        "expired": lambda: authority.server("localhost", expired=True),
    }[case]()
    with hook(made) as receiver:
        with pytest.raises(Undelivered, match="CERTIFICATE_VERIFY_FAILED"):
            send("webhook", Target(receiver.url, "whsec_" + base64.b64encode(b"s" * 32).decode()))
        assert receiver.received.empty()
    with (
        mailbox("me", "pw", tls=made) as box,
        pytest.raises(Undelivered, match=r"did not take it: .*CERTIFICATE_VERIFY_FAILED"),
    ):
        send("email", Target("ann@example.com"), 0.0, secured(box, "tls"))
    assert box.passwords == []
    assert box.received.empty()


def secured(box: Mailbox, security: str) -> MailServer:
    return MailServer("localhost", box.port, security, "shed@example.com", "me", "pw")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_over_tls_arrives(authority: Authority, monkeypatch: pytest.MonkeyPatch, security: str):
    trust(monkeypatch, authority)
    with mailbox("me", "pw", **{security: authority.server("localhost")}) as box:
        scheme = {"tls": "smtps", "starttls": "smtp"}[security]
        setting = MailServer.parse(f"{scheme}://me:pw@localhost:{box.port}", "shed@example.com")
        assert setting == secured(box, security)
        send("email", Target("ann@example.com"), 1e9, setting)
        sender, receivers, mail = box.next()
        assert (sender, receivers) == ("shed@example.com", ["ann@example.com"])
        assert mail.get_content().splitlines() == MESSAGE.text.splitlines()
        assert box.passwords == [b"pw"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_mail_server_without_tls_is_told_no_password():
    """Somebody on the way may have taken the offer of STARTTLS out."""
    with (
        mailbox("me", "pw") as box,
        pytest.raises(Undelivered, match="STARTTLS extension not supported"),
    ):
        send("email", Target("ann@example.com"), 0.0, secured(box, "starttls"))
    assert box.passwords == []
    assert box.received.empty()


# ---- mail


def server(box: Mailbox, **login: str) -> MailServer:
    return MailServer("127.0.0.1", box.port, "none", "shed@example.com", **login)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_mail_arrives_with_a_password():
    with mailbox("me", "pw") as box:
        send("email", Target("ann@example.com, bob@example.com"), 1e9, server(box, user="me", password="pw"))
        sender, receivers, mail = box.next()
        assert (sender, receivers) == ("shed@example.com", ["ann@example.com", "bob@example.com"])
        assert mail["subject"] == MESSAGE.title
        assert mail.get_content().splitlines() == MESSAGE.text.splitlines()
        assert mail["auto-submitted"] == "auto-generated"
        with pytest.raises(Undelivered, match="did not take it"):
            send("email", Target("ann@example.com"), 0.0, server(box, user="me", password="wrong"))


def test_a_title_cannot_add_headers_to_mail():
    with mailbox() as box:
        odd = Message("i", "job.failed", "a\r\nBcc: eve@example.com", "t", 0.0)
        senders(HERE, server(box))["email"].send(Target("ann@example.com"), odd, 0.0)
        _, receivers, mail = box.next()
        assert receivers == ["ann@example.com"]
        assert mail["bcc"] is None
        assert mail["subject"] == "a Bcc: eve@example.com"


def test_a_mail_server_that_refuses_or_is_not_there():
    with mailbox() as box:
        box.refuse = "451 later"
        with pytest.raises(Undelivered, match="451"):
            send("email", Target("ann@example.com"), 0.0, server(box))
    with pytest.raises(Undelivered, match="did not take it"):
        send("email", Target("ann@example.com"), 0.0, server(box))


@pytest.mark.parametrize(
    "text", ["", "ann", "ann@", "a@x, b", "a@x\r\nBcc: y@z", "<a@x>", ",".join(["a@x.org"] * 21)]
)
def test_what_is_no_list_of_addresses_is_refused(text: str):
    mail = MailServer("127.0.0.1", 1, "none", "shed@example.com")
    with pytest.raises(InvalidInput):
        senders(HERE, mail)["email"].check(Target(text))


def test_without_a_mail_server_mail_is_not_offered():
    with pytest.raises(Unavailable, match="TRAINSHED_SMTP"):
        senders(HERE, None)["email"].check(Target("ann@example.com"))


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 587, "starttls", "", "")),
        ("smtps://me:p%40ss@mail.example.com:4650", ("mail.example.com", 4650, "tls", "me", "p@ss")),
        ("smtp+plain://127.0.0.1", ("127.0.0.1", 25, "none", "", "")),
    ],
)
def test_the_setting_of_a_mail_server(url: str, wanted: tuple[object, ...]):
    found = MailServer.parse(url, "shed@example.com")
    assert (found.host, found.port, found.security, found.user, found.password) == wanted
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize("url", ["", "mail.example.com", "http://x", "smtp://", "smtp://x:port"])
def test_a_setting_that_names_no_mail_server(url: str):
    with pytest.raises(InvalidInput, match="smtp://user"):
        MailServer.parse(url, "shed@example.com")
    with pytest.raises(InvalidInput, match="TRAINSHED_MAIL_FROM"):
        MailServer.parse("smtp://x", "nobody")


@pytest.mark.parametrize("kind", ["webhook", "feishu", "dingtalk", "wecom", "slack"])
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://[::1]/", "http://localhost:80/", "http://10.1.2.3"]
)
def test_no_receiver_is_inside_unless_the_administrator_says_so(kind: str, url: str):
    with pytest.raises(Forbidden, match="TRAINSHED_ALLOWED_NETWORKS"):
        senders(Egress(["public"]), None)[kind].check(Target(url))
