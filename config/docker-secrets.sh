#!/bin/bash
# Make the secrets of docker-compose.yaml, one file each, in the folder secrets (or the one named): random ones, and
# the Airflow connections that hold them. Files that are there already stay as they are.
#   config/docker-secrets.sh [--sandbox] [FOLDER]
# With --sandbox, there is a connection to the sandbox on this machine; without, the connection quickbooks is entered in
# Airflow.
set -euo pipefail

quickbooks=intuit
if [ "${1:-}" = --sandbox ]; then quickbooks=sandbox; shift; fi
folder=${1:-secrets}
settings="$(dirname "$0")/../.env"
if [ -z "${PILOT_LMS_HOST:-}" ] && [ -f "$settings" ]; then
    PILOT_LMS_HOST=$(sed -n 's/^PILOT_LMS_HOST=//p' "$settings" | tail -n 1)
fi
lms_host=${PILOT_LMS_HOST:-postgres}
mkdir -p "$folder"
# The folder keeps others out. The files are readable to all, because the services read them as users of their own.
chmod 700 "$folder"
umask 022

put() { # NAME: the secret on standard input
    if [ -e "$folder/$1" ]; then cat > /dev/null; else cat > "$folder/$1"; fi
}
password() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

for name in postgres_password airflow_database_password pilot_database_password pilot_pipeline_password \
    pilot_page_password airflow_admin_password airflow_jwt_secret airflow_api_secret redis_password \
    sandbox_client_secret sandbox_webhook_verifier_token; do
    password | put "$name"
done
for name in airflow_fernet_key pilot_token_key; do
    fernet_key | put "$name"
done

database() { # HOST, DATABASE, ROLE, FILE OF ITS PASSWORD
    printf '{"conn_type": "postgres", "host": "%s", "port": 5432, "schema": "%s", "login": "%s", "password": "%s"}\n' \
        "$1" "$2" "$3" "$(cat "$folder/$4")"
}
database "$lms_host" lms pilot_pipeline pilot_pipeline_password | put airflow_conn_lms_db
database "$lms_host" lms pilot_page pilot_page_password | put airflow_conn_lms_db_page
for name in airflow_conn_lms_db airflow_conn_lms_db_page; do
    grep -qF "\"host\": \"$lms_host\"" "$folder/$name" || echo "$folder/$name leads to another host than $lms_host (PILOT_LMS_HOST)."
done
database postgres airflow airflow airflow_database_password | put airflow_conn_airflow_db

# An empty file is no connection: they are entered in Airflow, or their JSON is put here.
: | put airflow_conn_quickbooks
: | put airflow_conn_pilot_alerts
if [ "$quickbooks" = sandbox ]; then
    put airflow_conn_quickbooks_sandbox <<JSON
{"conn_type": "quickbooks_online", "host": "http://sandbox", "port": 8083, "login": "sandbox-client",
  "password": "$(cat "$folder/sandbox_client_secret")",
  "extra": {"environment": "custom", "webhook_verifier_token": "$(cat "$folder/sandbox_webhook_verifier_token")"}}
JSON
else
    : | put airflow_conn_quickbooks_sandbox
    echo "Enter the connection quickbooks in Airflow, under Admin > Connections, with the keys of your Intuit app."
fi
echo "The secrets are in $folder. Keep a copy of pilot_token_key apart from the database's backup."
