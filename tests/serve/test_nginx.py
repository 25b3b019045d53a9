"""nginx asks for decisions, with the very configuration that the page shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from tests.serve.edges import Edge, Places, does_what_the_table_says, edged, shown
from tests.serve.test_proxy import CHAT, account

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx is installed: apt-get install nginx-light")
MAIN = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {site}
}}
"""


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("nginx")

    def command(places: Places) -> list[str]:
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, site=shown("nginx", places)))
        return [str(NGINX), "-c", str(folder / "nginx.conf"), "-p", str(folder)]

    with edged(folder, command) as edge:
        yield edge


def test_ordinary_traffic_passes_as_it_is(edge: Edge) -> None:
    for key in ("ordinary", "notify"):
        status, _, told = edge.ask(key)
        assert (status, told) == (200, json.dumps(CHAT).encode())


def test_each_rung_does_what_the_table_says(edge: Edge) -> None:
    does_what_the_table_says(edge)


def test_a_client_cannot_say_that_it_is_somebody_else(edge: Edge) -> None:
    assert edge.ask("suspend", x_stillwatch_account="ordinary", x_stillwatch_token="sw_x_y")[0] == 403
    assert edge.ask("ordinary", x_stillwatch_account=account("sk-suspend"))[0] == 200


def test_a_lost_stillwatch_stops_nothing(edge: Edge) -> None:
    edge.lose()
    for key in ("ordinary", "suspend"):
        assert edge.ask(key)[0] == 200
