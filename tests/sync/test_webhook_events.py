"""Webhook events: what is used of them, when they wake a capture, and what a capture records."""

import json
from typing import Any

import pytest

from include.qbo.webhook import changed_companies, is_genuine
from include.sandbox.webhooks import signature
from tests.support.interruptions import after_the_comparison, capture_failing_at_its_end
from tests.support.world import World

BODY = b'[{"intuitaccountid":"310687"}]'


def test_only_the_verifier_tokens_own_signature_is_genuine() -> None:
    true = signature("verifier", BODY)
    assert is_genuine(BODY, true, "verifier")
    for body, said, token in (
        (BODY + b" ", true, "verifier"),
        (BODY, signature("another", BODY), "verifier"),
        (BODY, true[:-1], "verifier"),
        (BODY, true.lower(), "verifier"),
        (BODY, "", "verifier"),
        (BODY, "é\x00", "verifier"),
        (BODY, signature("", BODY), ""),
    ):
        assert not is_genuine(body, said, token), (said, token)


@pytest.mark.parametrize(
    ("told", "realms"),
    [
        ([{"intuitaccountid": "1"}, {"intuitaccountid": "2"}, {"intuitaccountid": "1"}], {"1", "2"}),
        ({"eventNotifications": [{"realmId": "310687", "dataChangeEvent": {"entities": []}}]}, {"310687"}),
        ([], set()),
        ({"eventNotifications": []}, set()),
        (
            [{"intuitaccountid": 7}, {"intuitaccountid": "1' or 1=1"}, {}, None, [], {"intuitaccountid": "9" * 99}],
            set(),
        ),
    ],
)
def test_of_a_notification_only_the_companies_are_taken(told: Any, realms: set[str]) -> None:
    assert changed_companies(json.dumps(told).encode()) == realms


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{}", b"7", b'"x"', b"\xff", b'{"eventNotifications": 1}', b"[" * 200_000]
)
def test_what_is_neither_form_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        changed_companies(body)


def note(world: World, *realms: str) -> int:
    return int(world.value("select qbo_sync.record_webhook_event(%s)", list(realms)))


def wake(world: World) -> int:
    return int(world.value("select qbo_sync.wake_capture()"))


def ten_seconds_pass(world: World) -> None:
    """As if all events had been received that much earlier."""
    world.sql(
        "update qbo_sync.webhook_event set received_at = received_at - interval '10 seconds',"
        "   captured_at = captured_at - interval '10 seconds'"
    )


def reported(world: World) -> list[str]:
    return world.captured_companies(after_webhook=True)


def test_a_notification_wakes_one_capture_which_answers_it(world: World) -> None:
    realm = world.qbo.realm
    assert wake(world) == 0 and reported(world) == []
    assert note(world, realm, "404", realm) == 1, "companies that nobody connected do not count"
    assert wake(world) == 1 and reported(world) == [realm]
    note(world, realm)
    assert wake(world) == 0, "told again before the capture: one is enough"
    world.capture()
    assert wake(world) == 0 and reported(world) == []
    note(world, realm)
    assert wake(world) == 0, "it was asked a moment ago"
    ten_seconds_pass(world)
    assert wake(world) == 1


def test_what_is_told_during_a_capture_wakes_another(world: World) -> None:
    realm = world.qbo.realm
    note(world, realm)
    assert wake(world) == 1

    def told_meanwhile() -> None:
        note(world, realm)
        assert wake(world) == 0, "not while one is under way"

    with after_the_comparison(told_meanwhile):
        world.capture()
    ten_seconds_pass(world)
    assert wake(world) == 1 and reported(world) == [realm]


def test_a_capture_that_fails_answers_nothing(world: World) -> None:
    world.capture()
    world.qbo.create("Customer", DisplayName="Somebody")
    note(world, world.qbo.realm)
    assert wake(world) == 1
    with capture_failing_at_its_end():
        world.capture()
    assert reported(world) == [world.qbo.realm]


def test_our_own_writes_wake_a_capture_only_when_they_are_over(world: World) -> None:
    note(world, world.qbo.realm)
    world.simple_invoice()
    world.sql("select qbo_sync.dispatch_lms_changes()")
    assert wake(world) == 0, "something is to be written"
    world.run()
    assert wake(world) == 0, "something has just been written"
    world.sql("update qbo_sync.api_call set at = at - interval '6 seconds'")
    assert wake(world) == 1


def test_a_company_that_is_not_connected_wakes_nobody(world: World) -> None:
    world.sql("update qbo_sync.company set status = 'reconnect_required' where realm_id = %s", world.qbo.realm)
    assert note(world, world.qbo.realm) == 0 and wake(world) == 0
