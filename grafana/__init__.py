"""The lab's dashboards as typed code; `python -m grafana.build` writes them to `dashboards/`."""

import warnings

with warnings.catch_warnings():
    # The SDK prefers its v2 model; this is the classic one, which Grafana's file provisioning has always read.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import dashboard, dashboardv2beta1  # noqa: F401 - said once, here
