#!/bin/bash
# Make the secrets of docker-compose.yaml, one file each, in the folder secrets (or the one named): random ones, and
# the Airflow connections that hold them. Files that are there already stay as they are.
#   config/docker-secrets.sh [--sandbox] [FOLDER]
# With --sandbox, the connection quickbooks leads to the sandbox on this machine; without, to Intuit's production, and
# the client id, the client secret and the verifier token of your app are to be filled in.
set -euo pipefail

quickbooks=intuit
if [ "${1:-}" = --sandbox ]; then quickbooks=sandbox; shift; fi
folder=${1:-secrets}
mkdir -p "$folder"
# The folder keeps others out. The files are readable to all, because the services read them as users of their own.
chmod 700 "$folder"
umask 022

put() { # NAME: the secret on standard input
    if [ -e "$folder/$1" ]; then cat > /dev/null; else cat > "$folder/$1"; fi
}
password() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

for name in postgres_password airflow_database_password pilot_database_password pilot_pipeline_password \
    pilot_page_password airflow_admin_password airflow_jwt_secret airflow_api_secret redis_password \
    sandbox_client_secret sandbox_webhook_verifier_token; do
    password | put "$name"
done
for name in airflow_fernet_key pilot_token_key; do
    fernet_key | put "$name"
done

lms() { # ROLE, FILE OF ITS PASSWORD
    printf '{"conn_type": "postgres", "host": "postgres", "port": 5432, "schema": "lms", "login": "%s", "password": "%s"}\n' \
        "$1" "$(cat "$folder/$2")"
}
lms pilot_pipeline pilot_pipeline_password | put airflow_conn_lms_db
lms pilot_page pilot_page_password | put airflow_conn_lms_db_page

if [ "$quickbooks" = sandbox ]; then
    put airflow_conn_quickbooks <<JSON
{"conn_type": "http", "login": "sandbox-client", "password": "$(cat "$folder/sandbox_client_secret")", "extra": {
  "api_base_url": "http://sandbox:8083",
  "discovery_url": "http://sandbox:8083/.well-known/openid_sandbox_configuration",
  "webhook_verifier_token": "$(cat "$folder/sandbox_webhook_verifier_token")"}}
JSON
else
    put airflow_conn_quickbooks <<'JSON'
{"conn_type": "http", "login": "", "password": "", "extra": {
  "api_base_url": "https://quickbooks.api.intuit.com",
  "discovery_url": "https://developer.intuit.com/.well-known/openid_configuration/",
  "webhook_verifier_token": ""}}
JSON
    echo "Fill in the keys of your Intuit app: $folder/airflow_conn_quickbooks"
fi
echo "The secrets are in $folder. Keep a copy of pilot_token_key apart from the database's backup."
