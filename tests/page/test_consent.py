"""The login at Intuit: what is asked, and the state that binds the way back to one person in one browser."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.bookkeeper import without_accounts
from tests.support.page.site import Site
from tests.support.page.visitor import begin, consent, path_of
from tests.support.quickbooks import QuickBooks
from tests.support.world import World


def test_the_consent_page_is_asked_for_as_intuit_wants(site: Site, lab: int) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begin(site.visitor("ada"), lab)).query).items()}
    assert asked.pop("state")
    assert asked == {
        "response_type": "code",
        "client_id": site.environment["QBO_CLIENT_ID"],
        "redirect_uri": f"{site.base}/quickbooks/oauth/callback",
        "scope": "com.intuit.quickbooks.accounting",
    }


def test_a_forged_state_connects_nothing(site: Site, lms: World, company: QuickBooks, lab: int) -> None:
    ada, elsewhere, olga = site.visitor("ada"), site.visitor("ada"), site.visitor("olga")
    elsewhere.get("/")
    olga.get("/")
    back = path_of(consent(begin(ada, lab), company.realm))
    forged = re.sub(r"state=[^&]+", "state=" + "A" * 43, back)
    assert ada.get(forged).status_code == 400
    assert elsewhere.get(back).status_code == 400, "from another browser"
    assert olga.get(back).status_code == 400, "by another person"
    assert ada.get(re.sub(r"state=[^&]+", "state=", back)).status_code == 400
    assert not lms.sql("select 1 from qbo_sync.company where realm_id = %s", company.realm)
    assert ada.get(back).status_code == 303, "the true one still works"
    assert ada.get(back).status_code == 400, "but only once"


def test_a_start_date_is_in_force_from_the_first_moment(site: Site, lms: World, company: QuickBooks, lab: int) -> None:
    ada = site.visitor("ada")
    assert "bad-date" in begin(ada, lab, "yesterday")
    assert ada.get(path_of(consent(begin(ada, lab, "2026-07-01"), company.realm))).status_code == 303
    made = lms.sql("select * from qbo_sync.connection where billing_lab_id = %s", lab)[0]
    assert str(made["sync_start_date"]) == "2026-07-01" and made["updated_at"] == made["created_at"]


def test_a_state_lives_for_minutes(site: Site, lms: World, company: QuickBooks, lab: int) -> None:
    ada = site.visitor("ada")
    back = path_of(consent(begin(ada, lab), company.realm))
    lms.sql("update qbo_sync.oauth_login set expires_at = clock_timestamp() - interval '1 second'")
    assert ada.get(back).status_code == 400
    assert not lms.sql("select 1 from qbo_sync.company where realm_id = %s", company.realm)


@pytest.mark.trap(55)
def test_a_grant_for_another_company_replaces_nothing(site: Site, lms: World, company: QuickBooks, lab: int) -> None:
    """A realmId that was changed on the way back: the token does not fit, and the good one stays."""
    ada = site.visitor("ada")
    assert ada.get(path_of(consent(begin(ada, lab), company.realm))).status_code == 303
    kept = lms.sql("select * from qbo_sync.company where realm_id = %s", company.realm)
    back = path_of(consent(begin(ada, lab), lms.qbo.realm))
    swapped = re.sub(r"realmId=\d+", f"realmId={company.realm}", back)
    assert ada.get(swapped).status_code == 502
    after = lms.sql("select * from qbo_sync.company where realm_id = %s", company.realm)
    assert kept[0]["refresh_token_encrypted"] == after[0]["refresh_token_encrypted"]
    assert after[0]["status"] == "connected"
    for bad in ("realmId=", "realmId=1%27%20or%201=1", "realmId=" + "9" * 60):
        back = path_of(consent(begin(ada, lab), company.realm))
        assert ada.get(re.sub(r"realmId=\d+", bad, back)).status_code in (400, 502), bad


def test_a_company_that_cannot_be_used_is_not_kept(site: Site, lms: World, company: QuickBooks, lab: int) -> None:
    without_accounts(company, "Other Current Asset")
    ada = site.visitor("ada")
    answer = ada.get(path_of(consent(begin(ada, lab), company.realm)))
    assert answer.status_code == 409 and "Undeposited Funds" in answer.text
    assert not lms.sql("select 1 from qbo_sync.company where realm_id = %s", company.realm)


def test_the_database_alone_finishes_no_login(site: Site, lms: World, lab: int) -> None:
    address = begin(site.visitor("ada"), lab)
    state = parse_qs(urlsplit(address).query)["state"][0]
    kept = lms.sql("select * from qbo_sync.oauth_login")
    assert kept and state not in str(kept) and state.encode() not in b"".join(bytes(one["state_hash"]) for one in kept)
