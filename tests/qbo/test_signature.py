"""A webhook's signature: only the right one, of these very bytes, and compared in constant time."""

import base64
import hashlib
import hmac

import pytest

from include.qbo.webhook import is_genuine

TOKEN, BODY = "verifier", b'[{"intuitaccountid": "1"}]'
RIGHT = base64.b64encode(hmac.new(TOKEN.encode(), BODY, hashlib.sha256).digest()).decode()


def test_only_the_right_signature_is_genuine() -> None:
    assert is_genuine(BODY, RIGHT, TOKEN)
    assert not is_genuine(BODY + b" ", RIGHT, TOKEN)
    assert not is_genuine(BODY, RIGHT, "another")
    for wrong in ("", RIGHT[:-1], RIGHT + "=", RIGHT.lower(), f" {RIGHT}", "é" * len(RIGHT)):
        assert not is_genuine(BODY, wrong, TOKEN)


def test_without_a_verifier_token_nothing_is_genuine() -> None:
    of_nothing = base64.b64encode(hmac.new(b"", BODY, hashlib.sha256).digest()).decode()
    assert not is_genuine(BODY, of_nothing, "")


def test_the_time_says_nothing_about_how_much_of_it_was_right(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    really = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return really(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    for said in (RIGHT, "A" * len(RIGHT)):
        is_genuine(BODY, said, TOKEN)
    assert compared == [(RIGHT.encode(), RIGHT.encode()), (b"A" * len(RIGHT), RIGHT.encode())]
