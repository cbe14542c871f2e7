"""When a failed task is tried again: soon for what passes, never for what a person has to fix."""

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

RETRIES = 5

POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="include.qbo.errors.ReconnectRequired",
            action=RetryAction.FAIL,
            reason="the company must be connected again by a person",
        ),
        RetryRule(
            exception="include.qbo.errors.WrongKey",
            action=RetryAction.FAIL,
            reason="the key of the tokens must be added by a person",
        ),
        RetryRule(
            exception="include.orchestration.quickbooks_hook.BadConnection",
            action=RetryAction.FAIL,
            reason="the Airflow connection must be mended by a person; the error says how",
        ),
        RetryRule(
            exception="include.company.company.UnknownCompany",
            action=RetryAction.FAIL,
            reason="the realm_id that was asked for is mistyped",
        ),
        RetryRule(
            exception="include.sync.selection.BadSelection",
            action=RetryAction.FAIL,
            reason="a parameter of the run cannot be; the error names it",
        ),
        RetryRule(
            exception="include.qbo.errors.RequestRefused",
            action=RetryAction.FAIL,
            reason="QuickBooks would refuse the same request again",
        ),
        RetryRule(
            exception="include.expectations.errors.BrokenExpectation",
            action=RetryAction.FAIL,
            reason="an expectation is broken, not the data",
        ),
        RetryRule(
            exception="include.qbo.errors.ThrottleExceeded",
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=5),
            reason="QuickBooks still says 429 after waiting",
        ),
    ],
)

#: Of a task that another run does again anyway: only one that was killed is tried again, or that could not say how it
#: ended. (A capture that cannot note that it failed would keep its company from being polled for a quarter of an hour.)
BY_A_LATER_RUN = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="include.sync.poll.EndNotNoted",
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=30),
            reason="the LMS database could not be reached",
        ),
        RetryRule(exception="builtins.Exception", action=RetryAction.FAIL, reason="a later run tries again"),
    ]
)

#: Whose the DAGs are, in Airflow's lists.
OWNER = "pilot-qbo-sync"

#: For every task. Without an exception to judge (a killed process) the delay is this one.
DEFAULT_ARGS = {"owner": OWNER, "retries": RETRIES, "retry_delay": timedelta(seconds=5), "retry_policy": POLICY}
