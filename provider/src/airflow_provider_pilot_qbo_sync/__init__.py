"""The connection type `quickbooks_online` as Airflow's user interface shows it. No hook is imported for that."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """What Airflow reads at the entry point `apache_airflow_provider`."""
    return {
        "package-name": "airflow-provider-pilot-qbo-sync",
        "name": "Pilot–QBO Sync",
        "description": "Two-way accounting sync between the Pilot lab management system and QuickBooks Online.",
        "connection-types": [
            {
                "connection-type": "quickbooks_online",
                "hook-name": "QuickBooks Online",
                "hook-class-name": "include.orchestration.quickbooks_hook.QuickBooksHook",
                "ui-field-behaviour": {
                    # Not the port: Airflow 3.3's Test refuses a stored connection without one.
                    "hidden-fields": ["schema"],
                    "relabeling": {
                        "login": "Client ID",
                        "password": "Client secret",
                        "host": "Own address (custom only)",
                        "port": "Port (443, or the own address' port)",
                    },
                    "placeholders": {
                        "login": "of your app at developer.intuit.com › Keys & credentials",
                        "host": "http://127.0.0.1",
                        "port": "443",
                    },
                },
                "conn-fields": {
                    "environment": {
                        "label": "Environment",
                        "description": "sandbox: Intuit's sandbox companies, with the app's development keys. "
                        "production: real companies, with its production keys. custom: the server at the own address.",
                        "schema": {
                            "type": "string",
                            "enum": ["sandbox", "production", "custom"],
                            "default": "sandbox",
                        },
                    },
                    "webhook_verifier_token": {
                        "label": "Webhook verifier token",
                        "description": "Shown at developer.intuit.com under Webhooks. Without it every webhook is "
                        "refused, and QuickBooks is only asked from time to time.",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                },
            }
        ],
    }
