"""See: whether the log holds what campaigns are found by."""

from __future__ import annotations

from collections.abc import Callable

from stillwatch.posture.facts import NO_TRAFFIC, Facts, Told, judged, lacking, of, unseen
from stillwatch.posture.traffic import Traffic


def _share(facts: Facts, limit: float, count: Callable[[Traffic], tuple[int, int, str]], after: str) -> Told:
    """Judge a share of exchanges against a limit."""
    if facts.traffic is None:
        return NO_TRAFFIC
    part, whole, what = count(facts.traffic)
    if not whole:
        return unseen(f"the log has no {what.partition(' with ')[0]}", "look at a log that has some")
    return judged(part >= limit * whole, f"{of(part, whole)} of {whole:,} {what}", after)


def log_prompts(facts: Facts, limit: float) -> Told:
    """Judge the share of chat exchanges that hold a prompt."""
    return _share(
        facts, limit, lambda log: (log.prompted, log.chat, "chat exchanges with a prompt"),
        "let your gateway log request bodies; `stillwatch ingest` keeps them where you say",
    )  # fmt: skip


def log_answers(facts: Facts, limit: float) -> Told:
    """Judge the share of answered exchanges that hold an answer."""
    return _share(
        facts, limit, lambda log: (log.told, log.answered, "answered exchanges with an answer"),
        "let your gateway log response bodies, streamed ones too; without them the view handover is blind",
    )  # fmt: skip


def log_usage(facts: Facts, limit: float) -> Told:
    """Judge the share of exchanges that hold status and tokens."""
    return _share(
        facts, limit, lambda log: (log.usage, log.exchanges, "exchanges with a status and, if answered, output tokens"),
        "log `status` and `output_tokens`, or name their fields with `--map`",
    )  # fmt: skip


def log_sampling(facts: Facts, limit: float) -> Told:
    """Judge whether the log tells what was asked of the sampler."""
    del limit
    if facts.traffic is None:
        return NO_TRAFFIC
    asked = [name for name in ("n", "top_logprobs", "temperature") if name not in facts.traffic.columns]
    after = "log request parameters, or name their fields with `--map`"
    if not asked:
        return judged(True, "`n`, `top_logprobs` and `temperature` stand in the log", "")
    told = f"no exchange holds {', '.join(f'`{name}`' for name in asked)}"
    if "temperature" not in asked:  # parameters are logged; nobody asked for these
        return judged(True, f"parameters are logged, and {told}", "")
    return lacking(told, after)


def log_address(facts: Facts, limit: float) -> Told:
    """Judge whether exchanges have an address, and whether it is the client's."""
    log = facts.traffic
    if log is None:
        return NO_TRAFFIC
    told = f"{of(log.addressed, log.exchanges)} of {log.exchanges:,} exchanges with an address"
    if log.addressed < limit * log.exchanges:
        return lacking(told, "log the client's address, or name its field with `--map`")
    after = "name your own proxies in `[ingest] trusted_proxies`, and ingest again"
    if log.private > 0.5 * log.addressed:
        return lacking(f"{of(log.private, log.addressed)} of the addresses are private: your own machines'", after)
    if log.commonest_address > 0.5 * log.addressed and log.accounts > 1:
        return lacking(f"one address has {of(log.commonest_address, log.addressed)} of them: a proxy of yours", after)
    return judged(True, told, "")


def log_client(facts: Facts, limit: float) -> Told:
    """Judge the share of exchanges with a TLS fingerprint."""
    return _share(
        facts, limit, lambda log: (log.fingerprinted, log.exchanges, "exchanges with a JA4"),
        "let your edge compute JA4 and pass it on, as in the header `x-ja4`",
    )  # fmt: skip


def one_account(facts: Facts, limit: float) -> Told:
    """Judge whether exchanges name who answers for them."""
    log = facts.traffic
    if log is None:
        return NO_TRAFFIC
    after = '`--map` with `account = "…"` names the field that tells customers apart'
    if log.unnamed:
        return lacking(f"{log.unnamed:,} lines were rejected because nobody answers for them", after)
    told = f"the largest of {log.accounts:,} accounts has {of(log.largest_account, log.exchanges)} of all exchanges"
    return judged(log.largest_account <= limit * log.exchanges, told, after)


def cover_channels(facts: Facts, limit: float) -> Told:
    """Judge whether every channel that is served stands in the log."""
    del limit
    served = facts.settings.posture.channels
    if not served:
        return unseen("no channel is named as served", 'write `channels = ["api", …]` under `[posture]`')
    if facts.traffic is None:
        return NO_TRAFFIC
    silent = sorted(set(served) - facts.traffic.channels)
    told = f"exchanges of {', '.join(sorted(facts.traffic.channels)) or 'no channel'} stand in the log"
    return judged(not silent, told, f"gather the logs of {', '.join(silent)} too")


def no_secrets(facts: Facts, limit: float) -> Told:
    """Judge whether working keys stand in the log."""
    if facts.traffic is None:
        return NO_TRAFFIC
    found = facts.traffic.in_clear
    told = f"{found:,} of {facts.traffic.exchanges:,} exchanges hold what looks like a working key"
    return judged(
        found <= limit, told, "log the id or a hash of a key, revoke the keys that were logged, and erase them"
    )
