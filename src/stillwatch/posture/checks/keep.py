"""Keep: keys that must not be lost, and texts that must not stay."""

from __future__ import annotations

from stillwatch.posture.facts import Facts, Told, judged, lacking, met, unseen


def guard_key(facts: Facts, limit: float) -> Told:
    """Judge whether the key of identifiers is whole and private."""
    del limit
    house = facts.house
    if house.key_trouble:
        return lacking(f"the key {house.key}: {house.key_trouble}", f"restore it, or `chmod 600 {house.key}`")
    if not house.key_there:
        return unseen(
            f"there is no key at {house.key} yet", "the first hunt makes it; name its place, `[store] key_file`"
        )
    return met(f"the key {house.key} is whole, and its owner's alone")


def set_retention(facts: Facts, limit: float) -> Told:
    """Judge whether there is a limit to how long logs are kept, and whether it is kept to."""
    del limit
    days = facts.settings.posture.retention_days
    if days <= 0:
        return lacking("no limit is set", "write `retention_days = 90`, or what your law asks, under `[posture]`")
    if facts.traffic is None:
        return unseen(f"the limit is {days} days, and no log was given", "name your logs: `stillwatch posture TRAFFIC`")
    age = (facts.now - facts.traffic.first).days
    after = "erase what is older; `stillwatch forget --before` does it in cases"
    return judged(age <= days, f"the limit is {days} days, and the oldest exchange is {age:,} days old", after)
