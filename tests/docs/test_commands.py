"""Every command in README and docs is run: here, or by the test that this page names for it."""

import re
from pathlib import Path

import pytest

from tests.support.doubles import ROOT, serving

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# Where commands of a form are run, by a pattern that the whole command must match. The places are files of the
# repository; `.ci/run` runs `scripts/compose-smoke`.
RUN_BY = {
    r"\./scripts/(doctor \|\| exit|smoke; verdict=\$\?)|cat .+/summary\.md\"|exit \$verdict": "tests/github",
    r"\./scripts/smoke( .+)?": "tests/scripts/test_smoke.py",
    r"(\w+=\S+ )?\./scripts/doctor( .+)?": "tests/scripts/doctor/test_doctor.py",
    r"\./scripts/lab (up|status|down)( .+)?": "tests/scripts/test_lab.py",
    r"\./scripts/(check|test( .+)?)": ".ci/run",
    r"\./deploy/kubernetes/up( .+)?": "tests/deploy/test_up.py",
    r"kubectl .+": "tests/deploy",  # no cluster there: the commands are held against the manifests
    r"docker (build|push) .+": "tests/deploy/test_documentation.py",
    r"\./scripts/compare .+": "tests/scripts/test_compare.py",
    r"\./scripts/cleanup .+": "tests/scripts",
    r"\./scripts/replay": "tests/locust/metrics/test_points_survive.py",
    r"(\./)?scripts/bench/\w+( .+)?": "tests/docs/test_benches.py",
    r"docker compose up --wait": "scripts/compose-smoke",
    r"docker compose run --rm smoke": "scripts/compose_check.py",
    r"docker compose --profile smoke (up|cp|down)\b.*": "scripts/compose_check.py",
    r"docker compose --profile chaos up --wait": "scripts/compose_check.py",
    r"LAB_MASTER_ADDRESS=\S+ docker compose( -f \S+){1,2} (up|down).*": "scripts/cluster_check.py",
    r"(LAB_BACKEND_IMAGE=\S+ )?docker compose( -f \S+){2,3} (up|run) .+": "scripts/intercept_check.py",
    r"\./scripts/intercept .+": "tests/scripts/test_intercept.py",
    r"python -m mock_services\.core\.authority .+": "tests/mock_services/core/test_authority.py",
    r"docker compose exec grafana .+": "tests/compose/test_make_secrets.py",  # offline, no Grafana: the secret
    r"docker compose exec influxdb .+|token=.+|curl --header .+": "scripts/compose_check.py",
    r'eval "\$\(compose/offline/engine up\)"|compose/offline/build-images': "scripts/compose-smoke",
    r"curl -s( -X POST)? http://127.0.0.1:80\d\d/\S+": "tests/mock_services/twilio/test_documentation.py",
    r"python -m mock_services\.\w+ --port \d+": "tests/docs/test_commands.py",
    r"LAB_FAULTS=\S+ python -m mock_services\.vendors --port 8020": "tests/mock_services/core/faults",
    r"curl -s( -X \w+)? http://127\.0\.0\.1:8020/__lab/faults.*": "tests/mock_services/core/faults",
    r"python -m grafana\.build": "tests/grafana",
    r"\./scripts/render-dashboards .+": "tests/scripts/test_render_dashboards.py",  # as far as it goes without npm
    r"PYTHONPATH=locust python -m metrics\.points_table": "tests/locust/metrics/test_points.py",
    r"python -m mock_services\.operations_table": "tests/mock_services/test_operations_table.py",
    r"python scripts/check_results\.py .+": "tests/scripts/test_check_results.py",
    r"locust -f scenarios/mine_load_test\.py .+": "tests/locust/test_own_scenario.py",
    r"cd locust|LAB_\w+=\S+ locust .+|locust -f .+": "tests/locust/test_suite_runs.py",
    r"python -c .+get_or_create_token.+": "tests/locust",
}


def commands(page: Path) -> list[str]:
    """Give the commands in a page's `sh` blocks, continued lines joined, comments left out."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [stripped for line in lines if (stripped := re.sub(r"(^|\s+)#.*", "", line).strip())]


EVERY = [(page.name, command) for page in PAGES for command in commands(page)]


@pytest.mark.parametrize(("page", "command"), EVERY)
def test_every_documented_command_has_its_test(page: str, command: str) -> None:
    places = [place for pattern, place in RUN_BY.items() if re.fullmatch(pattern, command)]
    assert places, f"{page} shows {command!r}, which no test runs: name its test here"
    assert all((ROOT / place).exists() for place in places)


@pytest.mark.parametrize(
    "module", sorted({m[1] for _, c in EVERY if (m := re.match(r"python -m mock_services\.(\w+) --port", c))})
)
def test_every_documented_double_starts_and_ends(module: str) -> None:
    with serving(module) as address:
        assert address.startswith("127.0.0.1:")


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if not target.startswith(("http://", "https://")) and not (page.parent / target).exists()
    ]
    assert broken == []
