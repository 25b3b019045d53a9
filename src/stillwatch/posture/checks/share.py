"""Share: whether peers are told, by whom, and whether what they tell is looked at."""

from __future__ import annotations

from datetime import timedelta

from stillwatch.posture.facts import Facts, Told, judged, lacking, unseen


def two_people_share(facts: Facts, limit: float) -> Told:
    """Judge whether preparing and releasing are two people's."""
    del limit
    section = facts.settings.share
    after = 'write `preparers = ["ada"]` and `releasers = ["grace"]` under `[share]`: others than each other'
    if not section.preparers or not section.releasers:
        none = "preparers" if not section.preparers else "releasers"
        return lacking(f"`[share] {none}` names nobody: whoever runs the command may", after)
    preparers = {one.strip().casefold() for one in section.preparers}
    releasers = {one.strip().casefold() for one in section.releasers}
    told = f"{len(preparers)} may prepare, {len(releasers)} may release"
    return judged(len(preparers | releasers) >= 2, told, after)


def mark_narrowly(facts: Facts, limit: float) -> Told:
    """Judge the marking that bulletins have unless said otherwise."""
    del limit
    marking = facts.settings.share.marking
    after = 'write `marking = "amber+strict"` under `[share]`, and widen single bulletins with `--marking`'
    return judged(
        marking in ("amber+strict", "red"), f"bulletins are TLP:{marking.upper()} unless said otherwise", after
    )


def have_peers(facts: Facts, limit: float) -> Told:
    """Judge whether there is anybody to tell."""
    known = [one.name for one in facts.house.peers if one.token_sha256 or one.certificate_sha256]
    after = "write down a peer in peers.toml of the share directory, with the hash that `stillwatch share token` prints"
    return judged(len(known) >= limit, f"{len(known)} peers can log in", after)


def answer_peers(facts: Facts, limit: float) -> Told:
    """Judge whether what peers told was looked for."""
    held = [one for one in facts.house.imported if not one.bulletin.revoked]
    if not held:
        return unseen("no peer has told anything", "pull from them: `stillwatch share pull`")
    late = [
        one for one in held
        if one.looked_at is None and facts.now - one.at > timedelta(limit)
    ]  # fmt: skip
    told = f"{len(late)} of {len(held)} bulletins of peers were not looked for within {limit:g} days"
    return judged(not late, told, "`stillwatch share look TRAFFIC`, and answer them: `stillwatch share answer`")


def log_disclosures(facts: Facts, limit: float) -> Told:
    """Judge whether the disclosure log holds together."""
    del limit
    house = facts.house
    if house.log_trouble:
        return lacking(house.log_trouble, "find out who changed it; the root that you noted tells since when")
    if house.disclosures is None:
        return unseen("there is no disclosure log yet", "the first `stillwatch share prepare` begins it")
    return judged(True, f"{house.disclosures:,} lines, unbroken", "")
