"""Playbooks, damage, hooks, appeals and returns, as their user types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.test_answer import ADA, fails, say
from tests.remedy.receiver import receiving

from stillwatch.model.case import Case
from stillwatch.store import cases


def test_a_playbook_is_gone_through_step_by_step(hunted: Path, tmp_path: Path) -> None:
    place = ("--state", tmp_path / "state")
    told: Case = cases.read(hunted)
    entry = next(one for one in told.campaigns if one.finding == "distillation_campaign")
    network = next(one for one in told.campaigns if one.finding == "account_network")
    assert "suspend-a-campaign v1" in say("playbook", "list")
    assert "undo:" in say("playbook", "show", "came-back")
    run = json.loads(say("playbook", "start", "suspend-a-campaign", hunted, entry.id, *place, *ADA, "--json"))["run"]
    assert run["campaign"] == entry.id
    status = say("playbook", "status", run["id"], *place)
    assert f"stillwatch explain {hunted} {entry.id}" in status, "the next step is a command to copy"
    assert fails("playbook", "start", "suspend-a-campaign", hunted, network.id, *place, *ADA) == 2
    assert fails("playbook", "done", run["id"], "innocent", *place, *ADA) == 1
    say("playbook", "done", run["id"], "evidence", *place, *ADA)
    say("playbook", "done", run["id"], "innocent", "--skip", *place, *ADA)
    assert "next: damage" in say("playbook", "status", *place)
    assert fails("playbook", "done", run["id"], "damage", "--skip", *place, "--by", "Ada Example") == 2
    assert fails("playbook", "done", run["id"], "live", "--order", "o-none", *place, *ADA) == 1
    say("playbook", "do", run["id"], "live", *place, *ADA)
    assert "planned o-" in say("playbook", "do", run["id"], "harden", *place, *ADA)
    say("playbook", "do", run["id"], "harden-approved", *place, *ADA)
    (order,) = json.loads(say("order", "list", *place, "--json"))["orders"]
    assert (order["rung"], order["step"], order["approved_by"]) == ("harden", "approved", "Ada Example")
    assert fails("playbook", "do", run["id"], "harden", *place, *ADA) == 1, "it is done already"
    assert fails("playbook", "do", run["id"], "told", *place, *ADA) == 2, "a person's"
    assert fails("playbook", "do", run["id"], "harden-approved", "--undo", *place, "--by", "Ada Example") == 2
    say("playbook", "do", run["id"], "harden-approved", "--undo", *place, *ADA)
    assert json.loads(say("order", "list", *place, "--json"))["orders"] == []
    assert "skipped by Ada Example" in say("playbook", "status", run["id"], *place)


def test_damage_and_returns_say_what_they_lack(
    hunted: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = next(one for one in cases.read(hunted).campaigns if one.finding == "distillation_campaign")
    assert "not said:" in say("damage", hunted, entry.id)
    prices = tmp_path / "prices.toml"
    prices.write_text('currency = "EUR"\n[[price]]\nmodel = "*"\ninput = 1.0\noutput = 2.0\n')
    told = say("damage", hunted, entry.id, "--traffic", world / "traffic", "--prices", prices)
    assert "at your list price" in told
    assert "EUR" in told
    assert json.loads(say("damage", hunted, entry.id, "--json"))["price"] is None
    assert fails("returns", hunted, "--state", tmp_path / "none") == 2
    assert "nothing was suspended" in capsys.readouterr().err
    shown = say("returns", hunted, "--state", tmp_path / "none", "--suspended", f"{entry.id}=2026-05-06")
    assert "of 1 suspended campaign came back" in shown
    assert "growth alone" in shown


def test_hooks_and_appeals_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ("--state", tmp_path / "state")
    monkeypatch.chdir(tmp_path)
    with receiving() as receiver:
        made = json.loads(
            say("hook", "add", receiver.url, "--event", "order", "--event", "hook", *place, *ADA, "--json")
        )
        receiver.secret = made["secret"]
        say("hook", "test", made["id"], *place, *ADA)
        assert "hook.tested" in {body["type"] for _, body in receiver.got}
        receiver.status = 500
        order = json.loads(say("order", "plan", "suspend", "--account", "a", *place, *ADA, "--json"))["id"]
        assert fails("hook", "deliver", "--once", *place) == 1
        assert "status 500" in say("hook", "outbox", *place)
        receiver.status = 200
        say("hook", "retry", *place)
        say("hook", "deliver", "--once", *place)
    assert "0 waiting, 0 stuck" in say("hook", "list", *place)
    assert fails("hook", "add", "http://example.com", *place, *ADA) == 2
    assert fails("hook", "add", "https://example.com", "--event", "oder", *place, *ADA) == 2
    say("order", "approve", order, *place, "--by", "Grace Example")
    assert fails("hook", "commands", *place) == 2
    (tmp_path / "stillwatch.toml").write_text('[[hooks.command]]\nname = "keys"\ndo = ["/bin/true", "{account}"]\n')
    assert "would run" in say("hook", "commands", *place)
    assert "done" in say("hook", "commands", "--enforce", *place)
    assert fails("appeal", "open", f"{order}-00000000", "--text", "x", *place) == 2
    assert json.loads(say("appeal", "list", *place, "--json"))["figures"]["open"] == 0


def test_the_server_tells_hooks_runs_commands_and_undoes_them_with_the_order(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "keys.log"
    place = ("--state", state)
    (tmp_path / "s.toml").write_text(
        "[hooks]\nevery_s = 0.05\n[watch]\nreload_s = 0.05\n"
        '[[hooks.command]]\nname = "keys"\n'
        f'do = ["{sys.executable}", "-c", "open({str(log)!r}, \'a\').write(\'revoked {{account}}\\\\n\')"]\n'
        f'undo = ["{sys.executable}", "-c", "open({str(log)!r}, \'a\').write(\'restored {{account}}\\\\n\')"]\n'
    )
    with receiving() as receiver:
        made = json.loads(say("hook", "add", receiver.url, "--event", "order", *place, *ADA, "--json"))
        receiver.secret = made["secret"]
        server = subprocess.Popen(
            [sys.executable, "-m", "stillwatch", "serve", "--listen", "127.0.0.1:0", "--store", str(state), "--enforce",
             "--settings", str(tmp_path / "s.toml")],
        )  # fmt: skip
        try:
            order = json.loads(say("order", "plan", "suspend", "--account", "acct-1", *place, *ADA, "--json"))["id"]
            say("order", "approve", order, *place, *ADA)
            until(lambda: log.exists() and "revoked acct-1" in log.read_text())
            say("order", "undo", order, *place, *ADA)
            until(lambda: "restored acct-1" in log.read_text())
            until(lambda: len(receiver.got) >= 3)
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait(30)
    assert {body["type"] for _, body in receiver.got} == {"order.planned", "order.approved", "order.undone"}
    assert len(set(receiver.ids())) == 3


def until(good: Callable[[], bool]) -> None:
    for _ in range(1200):
        if good():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


def test_a_step_that_ran_is_on_record_though_nobody_listens_any_more(hunted: Path, tmp_path: Path) -> None:
    place = ("--state", tmp_path / "state")
    entry = next(one for one in cases.read(hunted).campaigns if one.finding == "distillation_campaign")
    run = json.loads(say("playbook", "start", "suspend-a-campaign", hunted, entry.id, *place, *ADA, "--json"))["run"]
    say("playbook", "done", run["id"], "evidence", *place, *ADA)
    listens, speaks = os.pipe()
    os.close(listens)
    words = ["playbook", "do", run["id"], "live", *map(str, place), *ADA]
    subprocess.run([sys.executable, "-m", "stillwatch", *words], stdout=speaks, stderr=subprocess.DEVNULL, check=False)
    os.close(speaks)
    assert "[x] live" in say("playbook", "status", run["id"], *place)


def test_a_test_reaches_its_hook_whatever_events_that_is_told_of(tmp_path: Path) -> None:
    place = ("--state", tmp_path / "state")
    with receiving() as receiver:
        made = json.loads(say("hook", "add", receiver.url, "--event", "order", *place, *ADA, "--json"))
        say("hook", "add", receiver.url, "--event", "order", *place, *ADA)
        receiver.secret = made["secret"]
        say("hook", "test", made["id"], *place, *ADA)
    assert [body["type"] for _, body in receiver.got] == ["hook.tested"], "the other one hears nothing of it"


def test_a_return_of_a_campaign_that_no_case_knows_is_told_as_such(hunted: Path, tmp_path: Path) -> None:
    told = say("returns", hunted, "--suspended", "cam-nobody=2026-05-09", "--state", tmp_path / "state")
    assert "no case given here knows it" in told
