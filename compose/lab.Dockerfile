# The lab's own two images, from one file: `suite` (Locust and the scenarios) and `doubles` (backend, Twilio, vendors).
# `docker compose build` makes both. No `# syntax=` line: it would have to be pulled, and some machines have no registry.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS python
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
RUN groupadd --gid 1000 lab && useradd --uid 1000 --gid lab --no-create-home --home-dir /tmp lab

FROM ${BASE} AS suite-packages
COPY requirements/suite.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/venv && /opt/venv/bin/pip install --quiet --require-hashes --requirement /tmp/requirements.txt

FROM ${BASE} AS doubles-packages
COPY requirements/doubles.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/venv && /opt/venv/bin/pip install --quiet --require-hashes --requirement /tmp/requirements.txt

FROM python AS suite
COPY --from=suite-packages /opt/venv /opt/venv
# A fresh volume takes its owner from the folder that it covers.
RUN install --directory --owner=lab --group=lab /lab/results
COPY compose/health.py /lab/compose/
COPY locust /lab/locust
RUN python3 -m compileall -q /lab
WORKDIR /lab/locust
USER 1000:1000

FROM python AS doubles
COPY --from=doubles-packages /opt/venv /opt/venv
RUN install --directory --owner=lab --group=lab /run/lab/influxdb /run/lab/suite /run/lab/grafana /run/lab/tls /run/lab/ca
COPY compose/chaos.py compose/health.py compose/make_secrets.py /lab/compose/
COPY mock_services /lab/mock_services
RUN python3 -m compileall -q /lab
WORKDIR /lab
USER 1000:1000
