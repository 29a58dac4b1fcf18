from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from callveil.policy.model import Trunk
from callveil.trunk_report import Outcome, in_local_time, report_on
from callveil.trunk_state import TrunkState, way_of

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
DIAL = "PJSIP/{number}@trunk"
TRUNK = Trunk("carrier", DIAL)
TRUSTED = Trunk("carrier", DIAL, "The carrier strips it.")
FINE = TrunkState(way_of(DIAL), NOW, (), (), "", NOW)
BAD = replace(FINE, faults=("from_user", "from_domain"))


def test_a_trunk_that_hides():
    report = report_on(TRUNK, FINE, NOW)
    assert report.outcome is Outcome.HIDES
    assert report.text == "Hidden calls leave by carrier."
    assert report.looked == NOW


def test_a_trunk_that_does_not_hide_says_why_and_how_to_mend_it():
    report = report_on(TRUNK, BAD, NOW)
    assert report.outcome is Outcome.NOT_USED
    assert report.text.startswith(
        "carrier: NOT used for hidden calls: from_user is set, which Asterisk sends even"
    )
    assert "Take from_user out of pjsip.conf." in report.text
    assert "from_domain is set" in report.text
    assert "write trusted_to_hide in the policy with the reason" in report.text


def test_a_trunk_that_the_policy_trusts():
    report = report_on(TRUSTED, BAD, NOW)
    assert report.outcome is Outcome.TRUSTED
    assert report.text.startswith(
        "carrier: used for hidden calls, because the policy says: The carrier strips it. "
        "What is so there: from_user is set"
    )
    assert report_on(TRUSTED, None, NOW).outcome is Outcome.TRUSTED


@pytest.mark.parametrize("state", [None, replace(BAD, way=way_of("PJSIP/{number}@elsewhere"))])
def test_a_trunk_that_nobody_has_looked_at_is_not_shown_as_fine(state):
    report = report_on(TRUNK, state, NOW)
    assert report.outcome is Outcome.UNKNOWN
    assert report.text.startswith("carrier: Could not check: Callveil has not looked at it yet.")
    assert report.looked is None


def test_a_look_that_failed_is_said_with_what_was_known():
    report = report_on(TRUNK, FINE.unseen("Asterisk does not answer.", NOW), NOW)
    assert report.outcome is Outcome.UNKNOWN
    assert "Could not check: Asterisk does not answer. When it was last seen, on " in report.text
    bad = report_on(TRUNK, BAD.unseen("Asterisk does not answer.", NOW), NOW)
    assert bad.outcome is Outcome.NOT_USED
    assert bad.text.endswith("Could not check whether it still is so: Asterisk does not answer.")


def test_an_old_look_is_worth_nothing():
    later = NOW + timedelta(minutes=6)
    report = report_on(TRUNK, FINE, later)
    assert report.outcome is Outcome.UNKNOWN
    assert f"has not looked since {in_local_time(NOW)}" in report.text
    assert report_on(TRUNK, FINE, NOW + timedelta(minutes=4)).outcome is Outcome.HIDES


@pytest.mark.parametrize(
    "dial", ["IAX2/carrier/{number}", "SIP/{number}@a", "DAHDI/g0/{digits}", "Local/{number}@a"]
)
def test_other_kinds_of_trunks_are_used_where_the_policy_says_why(dial):
    report = report_on(Trunk("carrier", dial), None, NOW)
    assert report.outcome is Outcome.NOT_USED
    assert f"Callveil cannot see what {dial.partition('/')[0]} sends." in report.text
    assert report_on(Trunk("carrier", dial, "An ISDN line hides."), None, NOW).outcome is Outcome.TRUSTED


def test_what_is_worth_a_look_is_said():
    report = report_on(TRUNK, replace(FINE, risks=("direct_media", "from-a-newer-version")), NOW)
    assert report.outcome is Outcome.HIDES
    assert len(report.remarks) == 1
    assert "Set direct_media=no" in report.remarks[0]


def test_a_fault_of_a_newer_version_still_keeps_the_trunk_from_hidden_calls():
    report = report_on(TRUNK, replace(FINE, faults=("something_new",)), NOW)
    assert report.outcome is Outcome.NOT_USED
    assert "something_new is set" in report.text
