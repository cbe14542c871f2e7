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

#: Of a task that another run does again anyway: only one that was killed is tried again.
BY_A_LATER_RUN = ExceptionRetryPolicy(
    rules=[RetryRule(exception="builtins.Exception", action=RetryAction.FAIL, reason="a later run tries again")]
)

#: For every task. Without an exception to judge (a killed process) the delay is this one.
DEFAULT_ARGS = {"retries": RETRIES, "retry_delay": timedelta(seconds=5), "retry_policy": POLICY}
